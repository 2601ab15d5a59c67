import { statfs } from 'node:fs/promises';
import { Gauge, type Registry } from 'prom-client';
import { askOnce } from './ask-once.js';

/** Gauges of the file system a folder is on, looked at with each scrape; NaN where it does not answer. */
export function measureDisk(registry: Registry, folder: string): void {
  const registers = [registry];
  const disk = askOnce(() => statfs(folder).catch(() => ({ bavail: Number.NaN, blocks: Number.NaN, bsize: 1 })));
  new Gauge({
    name: 'weightfold_data_size_bytes',
    help: 'Size of the file system of DATA_DIR.',
    registers,
    async collect() {
      const { blocks, bsize } = await disk();
      this.set(blocks * bsize);
    },
  });
  new Gauge({
    name: 'weightfold_data_free_bytes',
    help: 'Free space of the file system of DATA_DIR; below MIN_FREE_BYTES work is refused.',
    registers,
    async collect() {
      const { bavail, bsize } = await disk();
      this.set(bavail * bsize);
    },
  });
}
