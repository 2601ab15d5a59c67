import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CheckpointStore } from '../../checkpoints/checkpoint-store.js';
import { WeightfoldError } from '../../errors.js';
import { CheckpointFileSchema, CheckpointListSchema, CheckpointSchema } from '../../schemas/checkpoint.js';
import { checkpointName, modelFileName } from '../../schemas/common.js';
import { requireSpace } from '../../store/headroom.js';
import { problemResponses } from '../problem-responses.js';
import { matches, preconditionFailed, satisfies } from '../range.js';
import type { Services } from '../services.js';

const NameParams = z.object({ name: checkpointName });
const FileParams = z.object({ name: checkpointName, file: modelFileName });

/** `sha-256=:base64:` of RFC 9530; other algorithms are ignored, as the RFC allows. */
function parseContentDigest(header: string | undefined): Uint8Array | undefined {
  if (header === undefined) return undefined;
  const found = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/i.exec(header);
  if (found) return Buffer.from(found[1], 'base64');
  if (/(?:^|,)\s*sha-256\s*=/i.test(header))
    throw new WeightfoldError('Content-Digest must read sha-256=:BASE64: with the 32-byte digest.', {
      code: 'digest_malformed',
      status: 400,
    });
  return undefined;
}

/** Stored as it is, a part would be taken for the file (RFC 9110, section 14.5). */
const noParts = (range: string) =>
  new WeightfoldError(
    `Content-Range "${range}": a part of a file cannot be PUT; resumable uploads are at /v1/uploads.`,
    {
      code: 'request_invalid',
      status: 400,
    },
  );

/** The parts of a form have headers and boundaries around them, which would be stored with the file. */
const noForms = (type: string) =>
  new WeightfoldError(
    `The body is a form (${type.split(';')[0].trim()}), and the lines around its parts would be stored with the file. ` +
      'Send the bytes of the file alone, as application/octet-stream: curl -T FILE URL, or in Python requests.put(url, data=open(FILE, "rb")).',
    { code: 'media_type_unsupported', status: 415 },
  );

/** @throws WeightfoldError `precondition_failed` where the file that is there is not what the client takes it for */
async function checkConditions(
  checkpoints: CheckpointStore,
  name: string,
  file: string,
  { 'if-match': wanted, 'if-none-match': unwanted }: { 'if-match'?: string; 'if-none-match'?: string },
): Promise<void> {
  if (wanted === undefined && unwanted === undefined) return;
  const sha256 = (await checkpoints.entry(name, file))?.sha256;
  const etag = sha256 && `"${sha256}"`;
  if (satisfies(wanted, etag) && !(etag && matches(unwanted, etag))) return;
  throw preconditionFailed(
    etag
      ? `File "${file}" of checkpoint "${name}" has the ETag ${etag}.`
      : `Checkpoint "${name}" has no file "${file}".`,
  );
}

export const checkpointRoutes =
  ({ checkpoints, config, jobs }: Services): FastifyPluginAsyncZod =>
  async (app) => {
    // Bodies stay streams, whatever type a client claims.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));

    app.put('/checkpoints/:name/files/:file', {
      config: { scope: 'submit', streamed: true },
      schema: {
        tags: ['checkpoints'],
        summary: 'Upload a file',
        operationId: 'putCheckpointFile',
        description:
          'Raw bytes, streamed to disk. A file appears whole and checked, or not at all; an existing one is replaced. ' +
          'Pickle files (.bin, .pt, .ckpt) are refused.',
        params: FileParams,
        headers: z.object({
          'content-digest': z.string().optional().describe('sha-256=:BASE64: (RFC 9530); checked.'),
          'if-match': z.string().optional().describe('ETag of the file that may be replaced.'),
          'if-none-match': z.string().optional().describe('`*`: only where there is no such file yet.'),
        }),
        consumes: ['application/octet-stream'],
        body: z.any().describe('The file; empty for one of no bytes.'),
        response: { 201: CheckpointFileSchema, ...problemResponses(400, 409, 412, 413, 415, 422, 507) },
        'x-weightfold': { headers: { 201: ['location', 'etag'] }, bodyOptional: true },
      },
      handler: async (request, reply) => {
        const { name, file } = request.params;
        const { 'content-length': length, 'content-range': range } = request.headers;
        const { 'content-type': type = '' } = request.headers;
        if (range !== undefined) throw noParts(range);
        if (/^\s*multipart\//i.test(type)) throw noForms(type);
        const checkAllowed = async () => {
          await jobs.refuseWhileNeeded(name, 'changed');
          await checkConditions(checkpoints, name, file, request.headers);
        };
        await checkAllowed();
        // What is larger than any file may be is refused for that.
        const bytes = Math.min(Number(length ?? 0), config.MAX_UPLOAD_BYTES);
        await requireSpace(config.DATA_DIR, bytes, config.MIN_FREE_BYTES);
        const entry = await checkpoints.put(name, file, request.raw, {
          contentLength: length === undefined ? undefined : Number(length),
          sha256: parseContentDigest(request.headers['content-digest']),
          maxBytes: config.MAX_UPLOAD_BYTES,
          maxHeaderBytes: config.MAX_HEADER_BYTES,
          // A job may have been accepted, or the file changed, while the bytes came in.
          beforeCommit: checkAllowed,
        });
        return reply
          .code(201)
          .header('location', `/v1/checkpoints/${name}`)
          .header('etag', `"${entry.sha256}"`)
          .send(entry);
      },
    });

    app.get('/checkpoints', {
      config: { scope: 'read' },
      schema: {
        tags: ['checkpoints'],
        summary: 'List checkpoints',
        operationId: 'listCheckpoints',
        querystring: z.strictObject({
          after: checkpointName.optional().describe('Last name of the page before.'),
          limit: z.coerce.number().int().min(1).max(1000).default(100),
        }),
        response: { 200: CheckpointListSchema, ...problemResponses(400) },
      },
      handler: async (request) => {
        const { after, limit } = request.query;
        const names = (await checkpoints.names()).filter((name) => after === undefined || name > after);
        const data = [];
        let has_more = false;
        for (const name of names) {
          const files = await checkpoints.files(name);
          if (!files?.length) continue;
          has_more = data.length === limit;
          if (has_more) break;
          data.push({
            name,
            object: 'checkpoint' as const,
            size: files.reduce((sum, { size }) => sum + size, 0),
            created_at: files.map((file) => file.created_at).sort()[0],
            file_count: files.length,
          });
        }
        return {
          object: 'list' as const,
          data,
          first_id: data[0]?.name ?? null,
          last_id: data.at(-1)?.name ?? null,
          has_more,
        };
      },
    });

    app.get('/checkpoints/:name', {
      config: { scope: 'read' },
      schema: {
        tags: ['checkpoints'],
        summary: 'Files, tensors and family of a checkpoint',
        operationId: 'getCheckpoint',
        params: NameParams,
        response: { 200: CheckpointSchema, ...problemResponses(400, 404, 422) },
      },
      handler: async (request, reply) => {
        const text = await checkpoints.get(request.params.name);
        // Bytes that are there already: no schema walks over a hundred thousand tensors.
        return reply.type('application/json').send(text as never);
      },
    });

    app.delete('/checkpoints/:name', {
      config: { scope: 'admin' },
      schema: {
        tags: ['checkpoints'],
        summary: 'Delete a checkpoint',
        operationId: 'deleteCheckpoint',
        params: NameParams,
        response: { 204: z.undefined().describe('Deleted.'), ...problemResponses(400, 404, 409) },
      },
      handler: async (request, reply) => {
        await jobs.refuseWhileNeeded(request.params.name, 'deleted');
        await checkpoints.delete(request.params.name);
        return reply.code(204).send();
      },
    });
  };
