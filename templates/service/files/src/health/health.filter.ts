import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  ServiceUnavailableException,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** A failed check answers with its report, not in the shape of a failure. */
@Catch(ServiceUnavailableException)
export class HealthFilter implements ExceptionFilter {
  constructor(private readonly http: HttpAdapterHost) {}

  catch(exception: ServiceUnavailableException, host: ArgumentsHost): void {
    const response: unknown = host.switchToHttp().getResponse();
    const report = exception.getResponse();
    this.http.httpAdapter.reply(response, report, exception.getStatus());
  }
}
