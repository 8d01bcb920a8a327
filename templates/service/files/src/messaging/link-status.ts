import { type INestMicroservice, Injectable } from '@nestjs/common';

/** Remembers what each transport last said about its connection. */
@Injectable()
export class LinkStatus {
  private readonly states = new Map<string, string>();

  watch(name: string, server: Pick<INestMicroservice, 'status'>): void {
    this.states.set(name, 'starting');
    server.status.subscribe((state) => this.states.set(name, state));
  }

  all(): { name: string; state: string }[] {
    return [...this.states].map(([name, state]) => ({ name, state }));
  }
}
