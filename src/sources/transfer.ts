import { WeightfoldError } from '../errors.js';
import { type Patience, pause } from '../patience.js';
import { SourceUnavailable, sourceUnsuitable } from './error.js';
import type { Origin, RemoteFile } from './origin.js';

/** While a client waits for its answer. */
export const PLANNING_ATTEMPTS = 3;
/** While a worker fetches gigabytes. */
export const FETCHING_ATTEMPTS = 8;

/**
 * Hand over bytes `[from, to)` of a file in order, going on where a cut left off: an attempt that brought something
 * starts the count anew.
 * @param take gets the bytes and their position in the file
 */
export async function stream(
  origin: Origin,
  file: RemoteFile,
  [from, to]: readonly [number, number],
  { attempts, signal }: Patience,
  take: (bytes: Uint8Array, position: number) => Promise<unknown> | unknown,
): Promise<void> {
  let position = from;
  for (let failed = 0; position < to; ) {
    const before = position;
    try {
      for await (const chunk of await origin.read(file, position, to, signal)) {
        const bytes = chunk as Buffer;
        if (position + bytes.length > to)
          throw sourceUnsuitable(`${origin.label}: more bytes of "${file.name}" came than were asked for.`);
        await take(bytes, position);
        position += bytes.length;
      }
      if (position < to) throw cut(origin, file, position);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WeightfoldError && !(error instanceof SourceUnavailable)) throw error;
      // A local error (a full disk) is not the source's fault.
      if (isLocal(error)) throw error;
      failed = position > before ? 1 : failed + 1;
      const unavailable = error instanceof SourceUnavailable ? error : cut(origin, file, position);
      if (failed >= attempts) throw unavailable;
      await pause(failed, unavailable.retryAfter, signal);
    }
  }
}

const cut = (origin: Origin, file: RemoteFile, position: number) =>
  new SourceUnavailable(
    `${origin.label}: the connection was cut at byte ${position} of ${file.size} of "${file.name}".`,
  );

const isLocal = (error: unknown) =>
  ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EBADF'].includes((error as NodeJS.ErrnoException).code ?? '');

/** Bytes `[from, to)` of a file in memory. */
export async function readRange(
  origin: Origin,
  file: RemoteFile,
  from: number,
  to: number,
  patience: Patience,
): Promise<Uint8Array> {
  const out = new Uint8Array(to - from);
  await stream(origin, file, [from, to], patience, (bytes, position) => out.set(bytes, position - from));
  return out;
}
