import { setTimeout as sleep } from 'node:timers/promises';

/** The pauses before something is tried again: from the first to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Work that is stored in the database, so that any replica can do it: it is
 * done until none is left, and looked for again after a while, or when woken.
 */
export class BackgroundWork {
  private readonly end = new AbortController();
  private readonly workers: Promise<void>[];
  private more = Promise.withResolvers<void>();

  /** `work` does some, and tells whether there was any; it never throws. */
  constructor(
    private readonly work: () => Promise<boolean>,
    private readonly pollMs: number,
    concurrency = 1,
  ) {
    this.workers = Array.from({ length: concurrency }, () => this.run());
  }

  /** Tells that there is more than before. */
  wake(): void {
    this.more.resolve();
    this.more = Promise.withResolvers();
  }

  /** Begins nothing new, and waits for what is under way. */
  async stop(): Promise<void> {
    this.end.abort();
    await Promise.all(this.workers);
  }

  private async run(): Promise<void> {
    while (!this.end.signal.aborted) {
      const more = this.more.promise;
      if (!(await this.work())) await Promise.race([more, this.pause()]);
    }
  }

  private pause(): Promise<void> {
    const { signal } = this.end;
    return sleep(this.pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Longer after each attempt, and different, so that none come in step. */
export function backoffMs(attempts: number): number {
  const pause = Math.min(
    FIRST_PAUSE_MS * 2 ** (attempts - 1),
    LONGEST_PAUSE_MS,
  );
  return pause * (0.5 + Math.random() / 2);
}
