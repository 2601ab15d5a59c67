import { createClient, dataOf, RequestError } from '../../src/client/index.js';
import { BASE_URL } from './base-url.js';
import { session } from './session.js';

export { dataOf, RequestError };

/** What the service said no to is an answer; this is none. */
export class NoAnswerError extends Error {
  constructor() {
    super('The service does not answer. It may be restarting, or the network is down.');
    this.name = 'NoAnswerError';
  }
}

/** Whether asking again may help: no answer, no valid key yet, too many requests, a service that is away. */
export const mayPass = (error: Error): boolean =>
  !(error instanceof RequestError) || error.status === 401 || error.status === 429 || error.status >= 500;

/** `fetch` that notices when a key is asked for. */
const noticing: typeof fetch = async (input, init) => {
  const { key } = session.get();
  const response = await fetch(input, init).catch((error: Error) => {
    throw error.name === 'AbortError' ? error : new NoAnswerError();
  });
  if (response.status === 401) session.refuse(key);
  return response;
};

/** For the generated client and its helpers: this service, with the key that was entered. */
export const options = { baseUrl: BASE_URL, apiKey: () => session.get().key, fetch: noticing };

export const api = createClient(options);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The content of an answer, and the ETag by which it is known again. @throws RequestError, NoAnswerError */
export async function tagged<T>(answer: Promise<Answer<T>>): Promise<{ data: T; etag: string | null }> {
  const { response } = await answer;
  return { data: await dataOf(answer), etag: response.headers.get('etag') };
}
