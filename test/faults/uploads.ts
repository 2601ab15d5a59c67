import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startService } from '../support/service.js';
import { cutEverywhere, sendWrongDigests, writeConcurrently } from '../support/uploads.js';

/** Cut at every 64 KiB; sixteen clients replacing one file; announced hashes that are wrong. */
export async function uploads() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'wf-'));
  const service = await startService(folder, { worker: false });
  try {
    const cut = await cutEverywhere(service, 8 * 1024 * 1024);
    const digests = await sendWrongDigests(service, 100);
    const writers = await writeConcurrently(service, 16, 20, 1024 * 1024);
    return {
      what: 'uploads cut at every 64 KiB, wrong digests, concurrent writers of one file',
      result: `${cut.cuts} cut, ${digests.refused} wrong digests refused, ${writers.uploads} concurrent writes; damaged checkpoints seen: ${[cut, digests, writers].flatMap(({ damaged }) => damaged).length}`,
      failures: [cut, digests, writers].flatMap(({ damaged }) => damaged),
    };
  } finally {
    await service.close();
    await rm(folder, { recursive: true, force: true });
  }
}
