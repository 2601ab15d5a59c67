import { DetailedError, Upload } from 'tus-js-client';
import { authorization } from '../../src/client/index.js';
import { urlOf } from '../api/base-url.js';
import { NoAnswerError, options, RequestError } from '../api/client.js';
import { session } from '../api/session.js';
import type { Problem } from '../api/types.js';
import { digestOf } from './digest.js';
import type { Named } from './names.js';

/** Bytes per request: a cut costs at most so much, and proxies that bound bodies let it through. */
const PART_BYTES = 32 * 1024 * 1024;
/** After a broken request; then it is the user who tries again. */
const RETRY_MS = [500, 1_000, 3_000, 5_000, 10_000];
/** Refusals that pass by themselves: another request has the upload, too many requests, a service that is away. */
const PASSING = [423, 429, 502, 503, 504];

export interface Sending {
  /** Settles once the service has stored and checked the file. Rejects with an AbortError when it was stopped here. */
  done: Promise<void>;
  /** Stop; the same file goes on where it was, even after the page was closed. */
  pause: () => void;
  /** Stop, and let the service forget what it has. */
  discard: () => void;
}

interface Told {
  /** The file is read once, for its digest; then it is sent. */
  onSending: () => void;
  onProgress: (sent: number) => void;
  /** All bytes are there; the service checks them. */
  onSent: () => void;
}

/** Upload one file by tus, with its digest: resumable, and what arrives is what was chosen, or is refused. */
export function send(named: Named, told: Told): Sending {
  const stop = new AbortController();
  let upload: Upload | undefined;
  const done = (async () => {
    const sha256 = await digestOf(named.file, stop.signal);
    stop.signal.throwIfAborted();
    told.onSending();
    await new Promise<void>((resolve, reject) => {
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true });
      const made = uploadOf(named, sha256, told, resolve, reject);
      upload = made;
      void made.findPreviousUploads().then(([previous]) => {
        if (stop.signal.aborted) return;
        if (previous) made.resumeFromPreviousUpload(previous);
        made.start();
      }, reject);
    });
  })();
  const halt = (terminate: boolean) => {
    stop.abort(new DOMException('Stopped.', 'AbortError'));
    upload?.abort(terminate).catch(() => {}); // gone already, or not reachable: it expires by itself
  };
  return { done, pause: () => halt(false), discard: () => halt(true) };
}

function uploadOf(
  { checkpoint, name, file }: Named,
  sha256: string,
  { onProgress, onSent }: Told,
  resolve: () => void,
  reject: (error: Error) => void,
): Upload {
  return new Upload(file, {
    endpoint: urlOf('/v1/uploads'),
    chunkSize: PART_BYTES,
    retryDelays: RETRY_MS,
    metadata: { checkpoint, filename: name, sha256 },
    // What was begun for the same bytes, under the same name, is gone on with.
    fingerprint: async () => ['weightfold', urlOf(''), checkpoint, name, sha256].join(' '),
    removeFingerprintOnSuccess: true,
    onBeforeRequest: (request) => {
      for (const [header, value] of Object.entries(authorization(options))) request.setHeader(header, value);
    },
    onShouldRetry: (error) => {
      const status = error.originalResponse?.getStatus() ?? 0;
      return status === 0 || PASSING.includes(status);
    },
    onProgress: (sent, total) => {
      onProgress(sent);
      if (sent === total) onSent();
    },
    onSuccess: resolve,
    onError: (error) => reject(refusalOf(error)),
  });
}

/** What the service said, or that it said nothing. */
function refusalOf(error: Error | DetailedError): Error {
  if (!(error instanceof DetailedError)) return error;
  const response = error.originalResponse;
  if (!response) return new NoAnswerError();
  if (response.getStatus() === 401) session.refuse(session.get().key);
  return new RequestError(response.getStatus(), parsed(response.getBody()));
}

function parsed(text: string): Problem | undefined {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return undefined;
  }
}
