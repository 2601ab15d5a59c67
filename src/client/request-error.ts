import type { Problem } from './api.js';

/** The service's refusal, thrown: its problem details, or the bare status where something else answered. */
export class RequestError extends Error {
  readonly status: number;
  readonly problem: Problem | undefined;

  constructor(status: number, problem: Problem | undefined) {
    super(problem?.detail ?? `The server answered with status ${status} and no problem details.`);
    this.name = 'RequestError';
    this.status = status;
    this.problem = problem;
  }
}

const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' && value !== null && 'code' in value && 'detail' in value;

/** The error of a reply whose body was parsed. */
export const requestError = (response: Response, body: unknown): RequestError =>
  new RequestError(response.status, isProblem(body) ? body : undefined);

/**
 * The data of a reply: `const job = await dataOf(client.GET('/v1/jobs/{id}', …))`.
 *
 * @throws RequestError for a refusal
 */
export async function dataOf<T>(reply: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await reply;
  if (!response.ok) throw requestError(response, error);
  return data as T;
}
