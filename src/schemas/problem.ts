import { z } from 'zod';

export const FieldErrorSchema = z.strictObject({
  pointer: z.string().describe('RFC 6901 pointer into the request body; empty for the whole.'),
  message: z.string(),
});

export const ProblemSchema = z
  .strictObject({
    type: z.string().describe('URI reference of the documentation of `code`.'),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('Stable identifier, for programs.'),
    detail: z.string().describe('Subject, actual value, bound and hint, for people.'),
    request_id: z.string(),
    errors: z.array(FieldErrorSchema),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });
export type Problem = z.infer<typeof ProblemSchema>;
