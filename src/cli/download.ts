import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Artifact, dataOf, RequestError } from '../client/index.js';
import { MODEL_FILE_PATTERN } from '../schemas/name-pattern.js';
import { sha256Of, sizeOf } from '../store/files.js';
import { bytes } from './format.js';
import { ProgressLine } from './progress-line.js';
import { note, type Session } from './session.js';

/** What a file is called until all of it is here and checked. */
const PART = '.part';
/** Connections a file may break before the download gives up; each goes on where the last stopped. */
const MAX_BREAKS = 5;

/** The files of a job, whole and verified; what is there already is kept, what was begun goes on. */
export async function download(session: Session, id: string, artifacts: readonly Artifact[], folder: string) {
  await mkdir(folder, { recursive: true });
  for (const artifact of artifacts) {
    // Names come from the service; none may lead out of the folder.
    if (!MODEL_FILE_PATTERN.test(artifact.file))
      throw new Error(`"${artifact.file}" is no name of a file; it is not written.`);
    const target = path.join(folder, artifact.file);
    await mkdir(path.dirname(target), { recursive: true });
    if ((await sizeOf(target)) === artifact.size && (await sha256Of(target)) === artifact.sha256) {
      note(`${target} is there already`);
      continue;
    }
    const part = `${target}${PART}`;
    if (((await sizeOf(part)) ?? 0) > artifact.size) await rm(part);
    for (let breaks = 0; ((await sizeOf(part)) ?? -1) < artifact.size; )
      await fetchRest(session, id, artifact, part).catch((error: Error) => {
        if (error instanceof RequestError || ++breaks > MAX_BREAKS) throw error;
      });
    if ((await sha256Of(part)) !== artifact.sha256) {
      await rm(part);
      throw new Error(`${artifact.file} did not arrive as it is stored (SHA-256 differs); try again.`);
    }
    await rename(part, target);
    note(`${target}  ${bytes(artifact.size)}, SHA-256 verified`);
  }
}

async function fetchRest(
  { client }: Session,
  id: string,
  { file, size, sha256 }: Artifact,
  part: string,
): Promise<void> {
  const start = (await sizeOf(part)) ?? 0;
  const reply = client.GET('/v1/jobs/{id}/artifacts/{file}', {
    params: { path: { id, file } },
    parseAs: 'stream',
    headers: start > 0 ? { range: `bytes=${start}-`, 'if-range': `"${sha256}"` } : {},
  });
  const body = (await dataOf(reply)) as ReadableStream<Uint8Array> | null;
  const { response } = await reply;
  const from = response.status === 206 ? start : 0;
  const line = new ProgressLine();
  let arrived = from;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      arrived += chunk.length;
      line.draw(arrived / size, `${file}, ${bytes(arrived)} of ${bytes(size)}`);
      done(null, chunk);
    },
  });
  const source = body ? Readable.fromWeb(body as never) : Readable.from([]);
  await pipeline(source, count, createWriteStream(part, { flags: from > 0 ? 'a' : 'w' })).finally(() => line.clear());
}
