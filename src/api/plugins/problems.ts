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
import { type FieldError, WeightfoldError } from '../../errors.js';
import type { Problem } from '../../schemas/problem.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Code of the problem it was answered with. */
    problemCode: string | null;
  }
}

export const PROBLEM_TYPE = 'application/problem+json';
/** Field errors shown; a spec can be wrong in a thousand places. */
const MAX_FIELD_ERRORS = 20;

/** Codes for what Fastify itself refuses. */
const FASTIFY_CODES: Record<string, [code: string, status: number, detail?: string]> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 413, 'The request body is larger than BODY_LIMIT_BYTES.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['media_type_unsupported', 415, 'Send the body as application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['body_missing', 400, 'The body is empty; send JSON.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['json_invalid', 400, 'The body is not valid JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'content_length_mismatch',
    400,
    'The body does not have the announced Content-Length.',
  ],
};

/** Every error leaves as RFC 9457 problem details with a stable code. */
export const problems = fp(
  async (app: FastifyInstance) => {
    app.decorateRequest('problemCode', null);
    app.setErrorHandler(handleError);
    app.setNotFoundHandler(sendNotFound);
  },
  { name: 'problems' },
);

const sendNotFound = (request: FastifyRequest, reply: FastifyReply) =>
  sendProblem(
    request,
    reply,
    404,
    'route_not_found',
    `There is no ${request.method} ${request.url.split('?')[0]}. See /docs.`,
  );

function handleError(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
  if (error instanceof WeightfoldError) {
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
    if (error.status >= 500) request.log.error({ err: error }, error.message);
    return sendProblem(request, reply, error.status, error.code, error.message, error.errors);
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.slice(0, MAX_FIELD_ERRORS).flatMap(fieldErrors);
    const where = error.validationContext === 'body' ? 'The request body' : `The request’s ${error.validationContext}`;
    const [first] = errors;
    const detail = `${where} is invalid: ${first?.pointer ? `${first.pointer}: ` : ''}${first?.message ?? ''}.`;
    return sendProblem(request, reply, 400, 'request_invalid', detail, errors);
  }
  const known = FASTIFY_CODES[error.code];
  if (known) return sendProblem(request, reply, known[1], known[0], known[2] ?? error.message);
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
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

/** Send problem details; the one place that shapes them. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  code: string,
  detail: string,
  errors: FieldError[] = [],
) {
  request.problemCode = code;
  const problem: Problem = {
    type: `urn:weightfold:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail,
    request_id: request.id,
    errors,
  };
  return reply.code(status).header('content-type', PROBLEM_TYPE).serializer(JSON.stringify).send(problem);
}
