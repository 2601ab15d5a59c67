import { STATUS_CODES } from 'node:http';
import { ProblemSchema } from '../schemas/problem.js';
import { PROBLEM_TYPE } from './plugins/problems.js';

/** Anything can fail for a reason of its own, or because the data folder or the queue is away. */
const ALWAYS = [500, 503];

/** Response entries for the given error statuses, 500 and 503: problem details for each. */
export function problemResponses<S extends number>(...statuses: S[]) {
  return Object.fromEntries(
    [...statuses, ...ALWAYS].map((status) => [
      status,
      { description: STATUS_CODES[status] ?? 'Error', content: { [PROBLEM_TYPE]: { schema: ProblemSchema } } },
    ]),
  ) as unknown as Record<S, never>;
}
