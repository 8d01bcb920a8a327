import type { StoredEvent } from './stored-event.js';

export type Upcaster = (
  event: StoredEvent,
) => Pick<StoredEvent, 'type' | 'data'>;

/** For each type that is no longer stored: what turns it into a newer one. */
export const upcasters = new Map<string, Upcaster>();

/** Turns an event into the newest of its kind, however old it is. */
export function upcast(event: StoredEvent): StoredEvent {
  const passed = new Set<string>();
  let newest = event;
  for (
    let newer = upcasters.get(newest.type);
    newer !== undefined;
    newer = upcasters.get(newest.type)
  ) {
    if (passed.has(newest.type))
      throw new Error(`the upcasters of ${newest.type} lead back to it`);
    passed.add(newest.type);
    newest = { ...newest, ...newer(newest) };
  }
  return newest;
}
