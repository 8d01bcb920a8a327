import { type ServiceError, status } from '@grpc/grpc-js';

/** The key in the trailing metadata under which a failure travels whole. */
export const FAILURE = 'failure-bin';

/** Codes of calls that nobody has answered. */
const UNANSWERED = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.UNAVAILABLE,
]);

/** What a service has answered, or the error itself where none has. */
export function fromGrpc(error: ServiceError): unknown {
  const failure = error.metadata?.get(FAILURE)[0];
  if (failure) return JSON.parse(failure.toString());
  if (UNANSWERED.has(error.code)) return error;
  const code = status[error.code] ?? 'UNKNOWN';
  return { status: 'error', code, message: error.details };
}
