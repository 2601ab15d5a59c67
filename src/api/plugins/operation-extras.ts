import type { Json, JsonObject } from './json.js';

/** Headers of replies, as the document describes them. */
const HEADERS = {
  location: ['Where the new resource is, relative to the request’s address.', { type: 'string' }],
  etag: ['Strong; for If-None-Match and If-Range.', { type: 'string' }],
  'retry-after': ['Seconds to wait before asking again.', { type: 'integer', minimum: 0 }],
  'content-range': ['`bytes START-END/SIZE` (RFC 9110).', { type: 'string' }],
  'repr-digest': ['`sha-256=:BASE64:` of the whole file (RFC 9530).', { type: 'string' }],
} satisfies Record<string, [description: string, schema: JsonObject]>;
export type ReplyHeader = keyof typeof HEADERS;

export const describeHeaders = (names: readonly ReplyHeader[]): JsonObject =>
  Object.fromEntries(
    names.map((name): [string, Json] => {
      const [description, schema] = HEADERS[name];
      return [name, { description, schema }];
    }),
  );

/** Headers of requests that HTTP itself defines; what they hold the handlers judge. */
const REQUEST_HEADERS = {
  'if-match': 'ETag that the file must have, else 412.',
  'if-none-match': 'ETag of what the client has: 304 where that is current.',
  'if-range': 'ETag that the range is of; another one gives the whole.',
  range: '`bytes=START-END`, both counted from 0, END left out: to the end.',
};

export const requestHeaders = (...names: (keyof typeof REQUEST_HEADERS)[]): JsonObject[] =>
  names.map((name) => ({ in: 'header', name, description: REQUEST_HEADERS[name], schema: { type: 'string' } }));

/** What a route tells the document beside its zod schemas. */
export interface OperationExtras {
  /** Per status: headers of that reply. */
  headers?: Record<number, ReplyHeader[]>;
  /** Parameters that no zod schema can express, as OpenAPI has them. */
  parameters?: JsonObject[];
  /** The body may be left out, which is to say empty. */
  bodyOptional?: boolean;
  /** Named bodies to start from. */
  bodyExamples?: Record<string, { summary: string; value: object }>;
}

const EXTRAS_KEY = 'x-weightfold';

declare module 'fastify' {
  interface FastifySchema {
    [EXTRAS_KEY]?: OperationExtras;
  }
}

/** An operation with its extras written out where OpenAPI has them. */
export function completeOperation({ [EXTRAS_KEY]: extras, ...operation }: JsonObject): JsonObject {
  const { headers = {}, parameters = [], bodyOptional = false, bodyExamples } = (extras ?? {}) as OperationExtras;
  const responses = Object.fromEntries(
    Object.entries(operation.responses as JsonObject).map(([status, response]) => {
      const named = headers[Number(status)];
      if (!named) return [status, response];
      return [status, { ...(response as JsonObject), headers: describeHeaders(named) }];
    }),
  );
  const all = [...((operation.parameters as Json[] | undefined) ?? []), ...parameters];
  return {
    ...operation,
    ...(all.length > 0 ? { parameters: all } : {}),
    ...(bodyOptional ? { requestBody: { ...(operation.requestBody as JsonObject), required: false } } : {}),
    ...(bodyExamples ? { requestBody: withExamples(operation.requestBody as JsonObject, bodyExamples as Json) } : {}),
    responses,
  };
}

function withExamples(requestBody: JsonObject, examples: Json): JsonObject {
  const content = Object.entries(requestBody.content as JsonObject).map(([type, body]) => [
    type,
    { ...(body as JsonObject), examples },
  ]);
  return { ...requestBody, content: Object.fromEntries(content) };
}
