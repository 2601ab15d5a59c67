import { appendFile, type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import type { Patience } from '../patience.js';
import { sha256Of } from '../store/files.js';
import { sourceUnsuitable } from './error.js';
import type { Origin, RemoteFile } from './origin.js';
import { stream } from './transfer.js';

/** Unit of parallel reads and of what survives a crash. */
const CHUNK_BYTES = 16 * 1024 * 1024;
/** Ranges read at a time: one connection seldom fills a line. */
const PARALLEL_READS = 4;

/**
 * Fetch a file with parallel range reads into `target`. Finished chunks are noted beside it, so that another attempt,
 * after a crash too, fetches only what is missing. One caller at a time per target.
 * @returns its SHA-256, once it is what the server states, where it states one
 * @throws DataError `source_unsuitable` where it is not
 */
export async function fetchFile(origin: Origin, file: RemoteFile, target: string, patience: Patience): Promise<string> {
  const [partial, notes] = [`${target}.partial`, `${target}.chunks`];
  const done = new Set((await readFile(notes, 'utf8').catch(() => '')).split('\n').map((line) => line && Number(line)));
  const handle = await open(partial, 'r+').catch(() => {
    done.clear();
    return open(partial, 'w+');
  });
  try {
    await handle.truncate(file.size);
    const chunks = Array.from({ length: Math.ceil(file.size / CHUNK_BYTES) }, (_, i) => i).filter((i) => !done.has(i));
    await fetchChunks(origin, file, handle, chunks, notes, patience);
  } finally {
    await handle.close();
  }
  const sha256 = await sha256Of(partial);
  if (file.sha256 !== null && sha256 !== file.sha256) {
    await Promise.all([rm(partial, { force: true }), rm(notes, { force: true })]);
    throw sourceUnsuitable(`${origin.label}: "${file.name}" has SHA-256 ${sha256}, the server states ${file.sha256}.`);
  }
  await rename(partial, target);
  await rm(notes, { force: true });
  return sha256;
}

async function fetchChunks(
  origin: Origin,
  file: RemoteFile,
  handle: FileHandle,
  chunks: number[],
  notes: string,
  patience: Patience,
): Promise<void> {
  const work = async () => {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      const range = [chunk * CHUNK_BYTES, Math.min(file.size, (chunk + 1) * CHUNK_BYTES)] as const;
      await stream(origin, file, range, patience, (bytes, position) => handle.write(bytes, 0, bytes.length, position));
      // On the disk before it is noted: a note outlives a power failure only if its bytes do.
      await handle.datasync();
      await appendFile(notes, `${chunk}\n`);
    }
  };
  const workers = Array.from({ length: PARALLEL_READS }, () =>
    work().catch((error) => {
      // Chunks under way are finished and noted; no new ones are begun.
      chunks.length = 0;
      throw error;
    }),
  );
  const [first] = (await Promise.allSettled(workers)).filter((result) => result.status === 'rejected');
  if (first) throw first.reason;
}
