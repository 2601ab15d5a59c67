import { z } from 'zod';

export const FieldErrorSchema = z
  .strictObject({
    pointer: z.string().describe('RFC 6901 pointer into the request body; empty for the whole.'),
    message: z.string(),
  })
  .meta({ id: 'FieldError' });

const WIDTH_MESSAGE =
  'Width 2000 is outside 1…1024 (the sources’ widths together: 512 + 512; only a single source grows beyond its width).';
const EXAMPLE = {
  type: 'urn:weightfold:problem:width_out_of_range',
  title: 'Unprocessable Entity',
  status: 422,
  code: 'width_out_of_range',
  detail: WIDTH_MESSAGE,
  request_id: '5f0f2c6e-2d8b-4d0a-9a53-3f5b1d1c6c1e',
  errors: [{ pointer: '/model/layers/0/width', message: WIDTH_MESSAGE }],
};

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
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.', examples: [EXAMPLE] });
export type Problem = z.infer<typeof ProblemSchema>;
