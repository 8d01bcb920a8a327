import { type ArgumentsHost, Catch } from '@nestjs/common';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { catchError, type Observable, throwError } from 'rxjs';
import type { Failure } from '../errors/failure.js';
import { FailureFilter } from '../errors/failure.filter.js';
import { FAILURE } from './grpc.answer.js';

/** Codes whose names differ from those of HTTP. */
const CODES: Record<string, status> = {
  INVALID: status.INVALID_ARGUMENT,
  UNAUTHORIZED: status.UNAUTHENTICATED,
  FORBIDDEN: status.PERMISSION_DENIED,
  NOT_FOUND: status.NOT_FOUND,
  CONFLICT: status.ALREADY_EXISTS,
  TOO_MANY_REQUESTS: status.RESOURCE_EXHAUSTED,
  NOT_IMPLEMENTED: status.UNIMPLEMENTED,
  SERVICE_UNAVAILABLE: status.UNAVAILABLE,
  GATEWAY_TIMEOUT: status.DEADLINE_EXCEEDED,
};

/** Gives each failure the number by which gRPC knows it. */
@Catch()
export class GrpcFailureFilter extends FailureFilter {
  override catch(
    exception: unknown,
    host: ArgumentsHost,
  ): Observable<never> | void {
    // oxlint-disable-next-line promise/valid-params -- of a filter, no promise
    const caught = super.catch(exception, host);
    return caught?.pipe(
      catchError((failure: Failure) => throwError(() => toGrpc(failure))),
    );
  }
}

export function toGrpc(failure: Failure): Partial<ServiceError> {
  const metadata = new Metadata();
  metadata.set(FAILURE, Buffer.from(JSON.stringify(failure)));
  const code = CODES[failure.code] ?? status.INTERNAL;
  return { code, details: failure.message, metadata };
}
