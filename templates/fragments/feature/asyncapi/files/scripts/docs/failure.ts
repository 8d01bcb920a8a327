import { z } from 'zod';
import type { Failure } from '../../src/errors/failure.js';

/** What a caller gets instead of an answer. */
export const failureSchema: z.ZodType<Failure> = z
  .object({
    status: z.literal('error'),
    code: z.string().meta({ examples: ['INVALID', 'NOT_FOUND', 'INTERNAL'] }),
    message: z.string(),
    issues: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional(),
  })
  .meta({ id: 'Failure' });
