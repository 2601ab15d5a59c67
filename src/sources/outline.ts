import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Patience } from '../patience.js';
import { SafetensorsError } from '../safetensors/error.js';
import { asWhatItIs } from '../safetensors/file.js';
import { PREFIX_BYTES, parsePrefix } from '../safetensors/header.js';
import { discover } from './discover.js';
import type { Origin, RemoteFile } from './origin.js';
import { readRange } from './transfer.js';

/** Most headers fit: one request instead of two. */
const FIRST_READ_BYTES = 64 * 1024;

/**
 * The outline of a remote checkpoint in `folder`: small files whole, and each weight file as its header in a sparse
 * file of the full size. Planning reads it like any checkpoint; no weights are fetched.
 * @returns every file as the server describes it
 */
export async function outline(
  origin: Origin,
  folder: string,
  maxHeaderBytes: number,
  patience: Patience,
): Promise<RemoteFile[]> {
  await mkdir(folder, { recursive: true });
  const { weights, small } = await discover(origin, patience);
  await Promise.all(
    small.map(async (file) =>
      writeFile(path.join(folder, file.name), await readRange(origin, file, 0, file.size, patience)),
    ),
  );
  for (const file of weights) {
    const handle = await open(path.join(folder, file.name), 'wx');
    try {
      await handle.write(await readHead(origin, file, maxHeaderBytes, patience));
      await handle.truncate(file.size);
    } finally {
      await handle.close();
    }
  }
  return [...weights, ...small];
}

/** Prefix and header of a safetensors file. @throws SafetensorsError before a header is read that is too large */
async function readHead(
  origin: Origin,
  file: RemoteFile,
  maxHeaderBytes: number,
  patience: Patience,
): Promise<Uint8Array> {
  const first = await readRange(origin, file, 0, Math.min(FIRST_READ_BYTES, file.size), patience);
  const end = PREFIX_BYTES + headerBytes(first, file.size, maxHeaderBytes);
  if (end <= first.length) return first.subarray(0, end);
  return Buffer.concat([first, await readRange(origin, file, first.length, end, patience)]);
}

function headerBytes(first: Uint8Array, fileSize: number, maxHeaderBytes: number): number {
  try {
    return parsePrefix(first.subarray(0, PREFIX_BYTES), fileSize, maxHeaderBytes);
  } catch (error) {
    throw error instanceof SafetensorsError ? asWhatItIs(error, first) : error;
  }
}
