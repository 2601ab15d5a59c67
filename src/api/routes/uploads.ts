import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { WeightfoldError } from '../../errors.js';
import { uploadId } from '../../schemas/upload.js';
import type { Uploads } from '../../uploads/uploads.js';
import { hasBody } from '../has-body.js';
import type { JsonObject } from '../plugins/json.js';
import { problemResponses } from '../problem-responses.js';
import type { Services } from '../services.js';

const IdParams = z.object({ id: uploadId });

/** What the tus server demands of requests, and refuses with the protocol's own statuses. */
const header = (name: string, description: string, schema: JsonObject, required = true): JsonObject => ({
  in: 'header',
  name,
  description,
  required,
  schema: { type: 'string', ...schema },
});
/** Without leading zeros, and with as many digits as whole numbers have that JSON carries exactly. */
const BYTES = { pattern: '^(0|[1-9]\\d{0,14})$' };
const VERSION = header('tus-resumable', 'The protocol’s version.', { const: '1.0.0' });
const OFFSET = header('upload-offset', 'Bytes that have arrived.', BYTES);
const LENGTH = header('upload-length', 'Bytes of the file.', BYTES, false);
const DEFER_LENGTH = header(
  'upload-defer-length',
  'In place of `upload-length`: it comes later.',
  { const: '1' },
  false,
);
const METADATA = header(
  'upload-metadata',
  'Keys with Base64 values: `checkpoint`, `filename`, and `sha256` (hex; checked) if known.',
  { examples: ['checkpoint YQ==,filename dm9jYWIudHh0'] },
);

/** Not the tus server's to say: what a body is like that Fastify sends, and who may call from elsewhere. */
const OWN_HEADERS = /^(?:content-|access-control-)/;

/** The request as the tus server takes it; its body stays a stream. */
function webRequest({ method, url, headers, raw }: FastifyRequest): Request {
  const given = new Headers();
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) given.set(name, String(value));
  const body = method === 'PATCH' || method === 'POST' ? (Readable.toWeb(raw) as ReadableStream) : null;
  // Only the path is looked at.
  return new Request(`http://localhost${url.split('?')[0]}`, {
    method,
    headers: given,
    body,
    duplex: 'half',
  } as RequestInit);
}

const TUS_TYPE = 'application/offset+octet-stream';

/** @throws WeightfoldError for a body that is not the bytes of a file: those of a form would be dropped, or stored with its envelope */
function requireBytes({ headers }: FastifyRequest): void {
  const { 'content-type': type, 'tus-resumable': version } = headers;
  if (!hasBody(headers) || type === TUS_TYPE || version === undefined) return; // no tus at all is the protocol's to refuse
  throw new WeightfoldError(
    `The body is ${type === undefined ? 'of no type' : `"${type.slice(0, 200)}"`}; send the bytes of the file alone, as ${TUS_TYPE}.`,
    { code: 'media_type_unsupported', status: 415 },
  );
}

async function answer(uploads: Uploads, request: FastifyRequest, reply: FastifyReply) {
  requireBytes(request);
  // The last bytes are followed by silence while the whole file is hashed: minutes, for a large one.
  const wait = () => request.raw.socket.setTimeout(0);
  if (hasBody(request.headers)) request.raw.once('end', wait);
  else wait();
  const { status, headers, refusal } = await uploads.handle(webRequest(request));
  for (const [name, value] of headers) if (!OWN_HEADERS.test(name)) reply.header(name, value);
  if (refusal) throw refusal;
  return reply.code(status).send();
}

export const uploadRoutes =
  ({ uploads }: Services): FastifyPluginAsyncZod =>
  async (app) => {
    // Bodies stay streams, whatever type a client claims.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const handler = (request: FastifyRequest, reply: FastifyReply) => answer(uploads, request, reply);
    const tags = ['uploads'];

    app.options('/uploads', {
      config: { scope: 'public' },
      schema: {
        tags,
        summary: 'What the server can do of tus',
        operationId: 'uploadOptions',
        response: { 204: z.undefined().describe('`Tus-Version`, `Tus-Extension`, `Tus-Max-Size`.') },
      },
      handler,
    });

    app.post('/uploads', {
      config: { scope: 'submit', streamed: true },
      schema: {
        tags,
        summary: 'Begin a resumable upload',
        operationId: 'createUpload',
        description:
          'tus 1.0 (https://tus.io), with creation, creation-with-upload, creation-defer-length, termination and expiration: use one of its clients. ' +
          'Once whole, the file is checked as any upload is and becomes a file of its checkpoint, before the last request is answered.',
        consumes: [TUS_TYPE],
        body: z.any().describe('The first bytes, if any.'),
        response: {
          201: z.undefined().describe('`Location` is where the bytes go.'),
          ...problemResponses(400, 409, 412, 413, 415, 422, 507),
        },
        'x-weightfold': {
          parameters: [VERSION, LENGTH, DEFER_LENGTH, METADATA],
          bodyOptional: true,
          headers: { 201: ['location'] },
        },
      },
      handler,
    });

    app.head('/uploads/:id', {
      config: { scope: 'submit', swagger: { exposeHeadRoute: true } },
      schema: {
        tags,
        summary: 'How much of an upload has arrived',
        operationId: 'headUpload',
        description: '`Upload-Offset` equal to `Upload-Length` says that the file is in its checkpoint.',
        params: IdParams,
        response: {
          200: z.undefined().describe('`Upload-Offset`, `Upload-Length`, `Upload-Metadata`.'),
          ...problemResponses(400, 404, 409, 410, 412),
        },
        'x-weightfold': { parameters: [VERSION] },
      },
      handler,
    });

    app.patch('/uploads/:id', {
      config: { scope: 'submit', streamed: true },
      schema: {
        tags,
        summary: 'Send bytes of an upload',
        operationId: 'patchUpload',
        params: IdParams,
        consumes: [TUS_TYPE],
        body: z.any().describe('The bytes from `Upload-Offset` on.'),
        response: {
          204: z.undefined().describe('`Upload-Offset` says how much has arrived.'),
          ...problemResponses(400, 403, 404, 409, 410, 412, 413, 415, 422, 507),
        },
        'x-weightfold': { parameters: [VERSION, OFFSET] },
      },
      handler,
    });

    app.delete('/uploads/:id', {
      config: { scope: 'submit' },
      schema: {
        tags,
        summary: 'Give up an upload',
        operationId: 'deleteUpload',
        params: IdParams,
        response: { 204: z.undefined().describe('Gone.'), ...problemResponses(400, 404, 410, 412) },
        'x-weightfold': { parameters: [VERSION] },
      },
      handler,
    });
  };
