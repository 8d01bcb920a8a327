/** What a step knows of its saga. */
export interface SagaContext<Data> {
  /** The same however often a step is done: by it others know it again. */
  id: string;
  /** What the saga was started with, and what the steps before have given. */
  data: Data;
  /** Aborted when the time of the step is up. */
  signal: AbortSignal;
}

export interface SagaStep<Data> {
  name: string;
  /**
   * Does it, and gives what is to be added to the data. When the process ends
   * in between it is done again. Whatever it throws, it may have been done, and
   * is compensated; what it throws as `StepRefused` is not.
   */
  run(context: SagaContext<Data>): Promise<Partial<Data> | void>;
  /** Takes it back, whether it was done, by half, or not at all, or before. */
  compensate?(context: SagaContext<Data>): Promise<void>;
  /** How long each of the two may take; else `SAGA_STEP_TIMEOUT_MS`. */
  timeoutMs?: number;
}

export interface Saga<Data extends object = Record<string, unknown>> {
  name: string;
  /** How long it may take to do all steps; after that, it is taken back. */
  timeoutMs: number;
  steps: SagaStep<Data>[];
}

/** Thrown by a step that has done nothing, and will not. */
export class StepRefused extends Error {}
