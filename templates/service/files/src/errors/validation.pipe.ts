import { StandardSchemaValidationPipe } from '@nestjs/common';
import { InvalidPayload } from './failure.js';

/** Holds each payload against the schema given to `@Payload` or `@Body`. */
export const validationPipe = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) =>
    new InvalidPayload(
      issues.map(({ path = [], message }) => ({
        path: path.map(segmentName).join('.'),
        message,
      })),
    ),
});

function segmentName(segment: PropertyKey | { key: PropertyKey }): string {
  return String(typeof segment === 'object' ? segment.key : segment);
}
