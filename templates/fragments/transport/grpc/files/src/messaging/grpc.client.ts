import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { ClientGrpcProxy } from '@nestjs/microservices';
import { catchError, defer, type Observable, throwError } from 'rxjs';
import { outgoingHeaders } from '../context/outgoing-headers.js';
import { fromGrpc } from './grpc.answer.js';

type Method = (data: unknown, metadata: Metadata) => Observable<unknown>;

/** A service as its proto names it. */
export interface GrpcService {
  package: string;
  service: string;
  protoPath: string;
}

/** A client of one service, which sends headers along with every call. */
export class GrpcClient {
  private readonly proxy: ClientGrpcProxy;
  private readonly service: string;

  /** Of a service at `grpc://host:port`, or at `grpcs://…` behind TLS. */
  constructor(
    at: string,
    { service, ...definition }: GrpcService,
    private readonly headers = outgoingHeaders,
  ) {
    const { protocol, hostname, port } = new URL(at);
    this.service = service;
    this.proxy = new ClientGrpcProxy({
      ...definition,
      url: `${hostname}:${port || 5000}`,
      ...(protocol === 'grpcs:' && { credentials: credentials.createSsl() }),
    });
  }

  /** Calls the method that the last part of `pattern` names. */
  send(pattern: string, data: unknown): Observable<unknown> {
    const name = pattern.slice(pattern.lastIndexOf('.') + 1);
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(this.headers()))
      metadata.set(key, value);
    return defer(() => {
      const methods = this.proxy.getService<Record<string, Method>>(
        this.service,
      );
      const method = methods[name];
      if (!method) throw new Error(`${this.service} has no method ${name}`);
      return method(data, metadata);
    }).pipe(
      catchError((error: ServiceError) => throwError(() => fromGrpc(error))),
    );
  }

  close(): void {
    this.proxy.close();
  }
}
