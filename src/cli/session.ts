import { type Client, type ClientOptions, createClient, RequestError } from '../client/index.js';
import { inLines, inOneLine } from '../schemas/printable.js';

/** What the shell is told. */
export const EXIT = {
  ok: 0,
  /** The job failed or was cancelled. */
  jobFailed: 1,
  /** Wrong arguments, or a request that cannot succeed as it is: a bad spec, no such job. */
  usage: 2,
  /** The service cannot be reached, does not let us in, or cannot take the request now. */
  service: 3,
} as const;

/** Wrong arguments or files, found before anything was sent. */
export class UsageError extends Error {}

export interface GlobalOptions {
  url: string;
  apiKey?: string;
  json?: boolean;
}

/** One run of the program: the service it talks to and how it prints. */
export interface Session extends ClientOptions {
  client: Client;
  json: boolean;
}

export function openSession({ url, apiKey, json = false }: GlobalOptions): Session {
  if (/^[a-z]+:\/\/[^/]*@/i.test(url))
    throw new UsageError('--url must not hold a user or password; a key goes into WEIGHTFOLD_API_KEY.');
  if (!/^https?:\/\//.test(url)) throw new UsageError(`--url must start with http:// or https://, not "${url}".`);
  const options = { baseUrl: url.replace(/\/+$/, ''), apiKey };
  return { ...options, client: createClient(options), json };
}

/** One line, whatever the service or a file put into it. */
export const print = (text: string) => process.stdout.write(`${inOneLine(text)}\n`);
/** Lines whose parts `columns` and `facts` have escaped. */
export const printLines = (text: string) => process.stdout.write(`${inLines(text)}\n`);
/** As `print`, on stderr. */
export const note = (text: string) => process.stderr.write(`${inOneLine(text)}\n`);
export const printJson = (value: unknown) => printLines(JSON.stringify(value, null, 2));

const HINTS: Record<number, string> = {
  401: 'Set WEIGHTFOLD_API_KEY to a key of this service.',
  403: 'This key’s scope does not reach so far; use another key.',
  429: 'Try again later.',
};

/** Say what went wrong; returns the exit code. */
export function report(error: unknown, url: string): number {
  if (error instanceof UsageError) {
    note(`weightfold: ${error.message}`);
    return EXIT.usage;
  }
  if (error instanceof RequestError) return reportRefusal(error, url);
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  if (message === 'fetch failed' || cause?.code) {
    note(`weightfold: ${url} cannot be reached (${cause?.code ?? cause?.message ?? message}).`);
    note('  Is the service running (npm start)? Set WEIGHTFOLD_URL or --url if it is elsewhere.');
    return EXIT.service;
  }
  note(`weightfold: ${message}`);
  return EXIT.service;
}

function reportRefusal({ status, problem, message }: RequestError, url: string): number {
  note(`weightfold: ${problem ? `${problem.code} (${status}): ${message}` : `${url}: ${message}`}`);
  for (const { pointer, message: why } of problem?.errors ?? [])
    note(message.includes(why) ? `  at ${pointer || '/'}` : `  ${pointer || '/'}: ${why}`);
  const hint = HINTS[status];
  if (hint) note(`  ${hint}`);
  if (problem) note(`  request ${problem.request_id}`);
  return [401, 403, 408, 429].includes(status) || status >= 500 ? EXIT.service : EXIT.usage;
}
