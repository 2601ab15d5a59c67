import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { uploadId } from '../../schemas/upload.js';
import type { Uploads } from '../../uploads/uploads.js';
import { hasBody } from '../has-body.js';
import { problemResponses } from '../problem-responses.js';
import type { Services } from '../services.js';

const IdParams = z.object({ id: uploadId });
const version = z.string().optional().describe('1.0.0');
const offset = z.string().optional().describe('Bytes that have arrived.');

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

async function answer(uploads: Uploads, request: FastifyRequest, reply: FastifyReply) {
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
        headers: z.object({
          'tus-resumable': version,
          'upload-length': z.string().optional().describe('Bytes of the file.'),
          'upload-metadata': z
            .string()
            .optional()
            .describe('Keys with Base64 values: `checkpoint`, `filename`, and `sha256` (hex; checked) if known.'),
        }),
        consumes: ['application/offset+octet-stream'],
        body: z.any().describe('The first bytes, if any.'),
        response: {
          201: z.undefined().describe('`Location` is where the bytes go.'),
          ...problemResponses(400, 409, 412, 413, 422, 507),
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
        headers: z.object({ 'tus-resumable': version }),
        response: {
          200: z.undefined().describe('`Upload-Offset`, `Upload-Length`, `Upload-Metadata`.'),
          ...problemResponses(400, 404, 409, 410, 412),
        },
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
        headers: z.object({ 'tus-resumable': version, 'upload-offset': offset }),
        consumes: ['application/offset+octet-stream'],
        body: z.any().describe('The bytes from `Upload-Offset` on.'),
        response: {
          204: z.undefined().describe('`Upload-Offset` says how much has arrived.'),
          ...problemResponses(400, 403, 404, 409, 410, 412, 413, 422, 507),
        },
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
        headers: z.object({ 'tus-resumable': version }),
        response: { 204: z.undefined().describe('Gone.'), ...problemResponses(400, 404, 410, 412) },
      },
      handler,
    });
  };
