import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** Bytes read at a time: memory stays small, whatever the file's size. */
const PART_BYTES = 8 * 1024 * 1024;

addEventListener('message', async ({ data: file }: MessageEvent<File>) => {
  const hash = sha256.create();
  try {
    for (let at = 0; at < file.size; at += PART_BYTES)
      hash.update(new Uint8Array(await file.slice(at, at + PART_BYTES).arrayBuffer()));
    postMessage({ digest: bytesToHex(hash.digest()) });
  } catch (error) {
    postMessage({ problem: (error as Error).message });
  }
});
