import { ServerGrpc } from '@nestjs/microservices';
import { ReplaySubject } from 'rxjs';

/** Tells its status, which Nest's server for gRPC does not. */
export class TellingGrpcServer extends ServerGrpc {
  private readonly state = new ReplaySubject<string>(1);

  override get status(): never {
    // Nest's type says that nobody can ask.
    return this.state.asObservable() as never;
  }

  override async start(callback?: () => void): Promise<void> {
    await super.start();
    this.state.next('connected');
    callback?.();
  }

  override async close(): Promise<void> {
    this.state.next('disconnected');
    await super.close();
  }
}
