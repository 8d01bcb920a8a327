/** What happened, as whoever knows of it tells it. */
export interface NewEvent {
  type: string;
  data: unknown;
  /** The id of the event, or of the message, because of which it happened. */
  causationId?: string;
}

/** What happened, as it is kept for ever. */
export interface StoredEvent {
  id: string;
  type: string;
  /** Its place in its stream, from 1. */
  version: number;
  /** ISO 8601 */
  occurredAt: string;
  correlationId: string | null;
  causationId: string | null;
  data: unknown;
}

/** A stored event, and where it is among all. */
export interface Recorded {
  position: number;
  stream: string;
  event: StoredEvent;
}
