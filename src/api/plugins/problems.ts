import { STATUS_CODES } from 'node:http';
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchemaValidationError,
} from 'fastify';
import fp from 'fastify-plugin';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { Config } from '../../config.js';
import { type FieldError, WeightfoldError } from '../../errors.js';
import { redact } from '../../redact.js';
import type { Problem } from '../../schemas/problem.js';
import { dataUnavailable, isDataError, requireDataFolder } from '../../store/data-folder.js';
import { isStorageFull } from '../../store/headroom.js';
import { hasBody } from '../has-body.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Code of the problem it was answered with. */
    problemCode: string | null;
  }
}

export const PROBLEM_TYPE = 'application/problem+json';
/** Field errors shown; a spec can be wrong in a thousand places. */
const MAX_FIELD_ERRORS = 20;

const NO_BODY = 'The body is empty; send JSON.';

/** Codes for what Fastify itself refuses. */
const FASTIFY_CODES: Record<string, [code: string, status: number, detail?: string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['media_type_unsupported', 415, 'Send the body as application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['body_missing', 400, NO_BODY],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'content_length_mismatch',
    400,
    'The body does not have the announced Content-Length.',
  ],
};

/** Parts of a request, as people call them. */
const PARTS: Record<string, string> = {
  body: 'The request body is',
  params: 'The path is',
  querystring: 'The query is',
  headers: 'The request headers are',
};

/** Every error leaves as RFC 9457 problem details with a stable code. */
export const problems = ({ DATA_DIR }: Pick<Config, 'DATA_DIR'>) =>
  fp(
    async (app: FastifyInstance) => {
      app.decorateRequest('problemCode', null);
      app.setErrorHandler(async (error: FastifyError, request, reply) =>
        handleError(await inFolder(error, DATA_DIR), request, reply),
      );
      // For what serves files: `methods` answers paths that no route takes.
      app.setNotFoundHandler(sendNotFound);
    },
    { name: 'problems' },
  );

export const pathOf = ({ url }: FastifyRequest) => url.split('?')[0];

export const sendNotFound = (request: FastifyRequest, reply: FastifyReply) =>
  sendProblem(request, reply, 404, 'route_not_found', `There is no ${request.method} ${pathOf(request)}. See /docs.`);

/** Answer a request that no route was looked up for: its path cannot be decoded. No hook has run. */
export const refusePath = (_error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
  void sendProblem(
    request,
    reply.header('x-request-id', request.id),
    400,
    'request_invalid',
    `The path ${pathOf(request)} cannot be decoded: "%" begins two hexadecimal digits, and the bytes are UTF-8.`,
  );

/** What an error means while the data folder is away: nothing in it is found, and nobody may take that for the truth. */
async function inFolder(error: FastifyError, dataDir: string): Promise<FastifyError | WeightfoldError> {
  if (error instanceof WeightfoldError) {
    if (!error.code.endsWith('_not_found')) return error;
    return requireDataFolder(dataDir).then(
      () => error,
      (unavailable: WeightfoldError) => unavailable,
    );
  }
  return isDataError(error, dataDir) && !isStorageFull(error) ? dataUnavailable(error) : error;
}

function handleError(error: FastifyError | WeightfoldError, request: FastifyRequest, reply: FastifyReply) {
  if (error instanceof WeightfoldError) {
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
    if (error.status >= 500 || error.status === 410) request.log.error({ err: error }, error.message);
    return sendProblem(request, reply, error.status, error.code, error.message, error.errors);
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    if (error.validationContext === 'body' && !hasBody(request.headers))
      return sendProblem(request, reply, 400, 'body_missing', NO_BODY);
    const errors = error.validation.slice(0, MAX_FIELD_ERRORS).flatMap(fieldErrors);
    const [first] = errors;
    const detail = `${PARTS[error.validationContext ?? 'body']} invalid: ${first?.pointer ? `${first.pointer}: ` : ''}${first?.message ?? ''}.`;
    return sendProblem(request, reply, 400, 'request_invalid', detail, errors);
  }
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const { bodyLimit } = request.server.initialConfig;
    const detail = `The request body is larger than ${bodyLimit} bytes (BODY_LIMIT_BYTES).`;
    return sendProblem(request, reply, 413, 'body_too_large', detail);
  }
  const known = FASTIFY_CODES[error.code];
  if (known) return sendProblem(request, reply, known[1], known[0], known[2] ?? error.message);
  if (isStorageFull(error))
    return sendProblem(request, reply, 507, 'storage_full', 'The store is full. Free space, then try again.');
  const status = error.statusCode ?? 500;
  // What serves files calls a path that leads out of its folder forbidden; for clients there is no such page.
  if (status === 403 || status === 404) return sendNotFound(request, reply);
  if (status < 500) return sendProblem(request, reply, status, 'request_invalid', error.message);
  request.log.error({ err: error }, 'unexpected error');
  return sendProblem(
    request,
    reply,
    500,
    'internal_error',
    'Something went wrong here. The log has the details under this request_id.',
  );
}

/** Where the request is wrong: an unknown key is pointed at itself, not at the object around it. */
function fieldErrors({ instancePath, message = 'is invalid', params }: FastifySchemaValidationError): FieldError[] {
  const at = instancePath === '/' ? '' : instancePath;
  const keys = params?.keys;
  if (!Array.isArray(keys)) return [{ pointer: at, message }];
  const escaped = (key: unknown) => String(key).slice(0, 200).replaceAll('~', '~0').replaceAll('/', '~1');
  return keys
    .slice(0, MAX_FIELD_ERRORS)
    .map((key) => ({ pointer: `${at}/${escaped(key)}`, message: 'is not a known key' }));
}

/** Send problem details. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  code: string,
  detail: string,
  errors: FieldError[] = [],
) {
  request.problemCode = code;
  const shown = errors.map(({ pointer, message }) => ({ pointer: redact(pointer), message: redact(message) }));
  const problem = problemOf(status, code, redact(detail), request.id, shown);
  return reply.code(status).header('content-type', PROBLEM_TYPE).serializer(JSON.stringify).send(problem);
}

/** Problem details; the one place that shapes them. */
export const problemOf = (
  status: number,
  code: string,
  detail: string,
  request_id: string,
  errors: FieldError[] = [],
): Problem => ({
  type: `urn:weightfold:problem:${code}`,
  title: STATUS_CODES[status] ?? 'Error',
  status,
  code,
  detail,
  request_id,
  errors,
});
