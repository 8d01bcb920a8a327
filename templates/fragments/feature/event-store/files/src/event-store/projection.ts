import type { StoredEvent } from './stored-event.js';

/** What is made of events, and can be made again. */
export interface Projection {
  /** By this the place up to which it has taken events is known: keep it. */
  readonly name: string;
  /** Takes back all that was made of events. */
  reset(): Promise<void>;
  /** Takes the next event; types that it does not know are none of its own. */
  apply(event: StoredEvent): Promise<void>;
}
