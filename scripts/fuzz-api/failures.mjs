import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const decode = (body) => (body?.$base64 ? Buffer.from(body.$base64, 'base64').toString() : '');

function codeOf(text) {
  try {
    return JSON.parse(text).code ?? null;
  } catch {
    return null;
  }
}

/** A failed check of one request, as the report of a run has it. */
function describe(check, { request, response }) {
  const { failure } = check.failure_info;
  const answer = decode(response?.body ?? response?.content);
  return {
    check: check.name,
    operation: failure.operation,
    status: response?.status_code ?? null,
    code: codeOf(answer),
    message: [failure.title, failure.message].filter(Boolean).join(': '),
    request: `${request.method} ${request.uri}`,
    headers: request.headers,
    body: decode(request.body),
    answer,
  };
}

/**
 * Failures and errors in the ndjson report of a run, each kind of failure once; and whether the run came to its end.
 * @param exceptionOf what explains a failure, if anything does
 */
export async function readReport(file, exceptionOf) {
  const failures = new Map();
  const errors = new Set();
  let [seed, cases, ended] = [undefined, 0, false];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const { Initialize, ScenarioFinished, NonFatalError, FatalError, EngineFinished } = JSON.parse(line);
    // As text: it is larger than numbers of JavaScript are exact.
    if (Initialize) seed = /"seed":(\d+)/.exec(line)?.[1];
    if (EngineFinished) ended = true;
    const error = NonFatalError?.value ?? FatalError?.exception ?? FatalError;
    if (error) errors.add(`${NonFatalError?.label ?? ''} ${error.type}: ${error.message}`);
    const { checks = {}, interactions = {} } = ScenarioFinished?.recorder ?? {};
    for (const [id, results] of Object.entries(checks)) {
      cases++;
      for (const check of results) {
        if (check.status !== 'failure') continue;
        const failure = describe(check, interactions[id]);
        failure.exception = exceptionOf(failure);
        const kind = [failure.check, failure.operation, failure.status, failure.code, !failure.exception].join(' ');
        if (!failures.has(kind)) failures.set(kind, failure);
      }
    }
  }
  return { failures: [...failures.values()], errors: [...errors], seed, cases, ended };
}
