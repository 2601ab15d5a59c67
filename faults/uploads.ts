import { cutEverywhere, sendWrongDigests, writeConcurrently } from '../test/support/uploads.js';
import type { Row } from './figures.js';
import { Service } from './service.js';

/** Cut at every 64 KiB; sixteen clients replacing one file; announced hashes that are wrong. */
export async function uploads(): Promise<Row[]> {
  const service = await Service.start();
  try {
    const cut = await cutEverywhere(service, 8 * 1024 * 1024);
    const digests = await sendWrongDigests(service, 100);
    const writers = await writeConcurrently(service, 16, 20, 1024 * 1024);
    const row = (what: string, damaged: string[]): Row => ({
      what,
      seen: `${damaged.length} damaged${damaged.length > 0 ? `, first: ${damaged[0]}` : ''}`,
      bound: '0 damaged',
      ok: damaged.length === 0,
    });
    return [
      row(`${cut.cuts} uploads cut, one at every 64 KiB, new and over a file`, cut.damaged),
      row(`${digests.refused} uploads with a wrong digest`, digests.damaged),
      row(`${writers.uploads} uploads of 16 clients at once to one file, read meanwhile`, writers.damaged),
    ];
  } finally {
    await service.close();
  }
}
