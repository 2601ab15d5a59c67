import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FloatArray, Precision } from '../contract.js';
import { allocate } from './matrix.js';

/** Bytes kept for reuse. Fresh memory costs a page fault per 4 KB and a collection per few arrays. */
const KEEP_BYTES = 12 * 1024 * 1024;
/** Bytes dropped after which a collection is forced: V8 counts external memory late, and a worker's limit is real. */
const COLLECT_AFTER_BYTES = 32 * 1024 * 1024;

/** Arrays given back by disposed matrices, by type and length, for matrices of the same size to come. */
export class MemoryPool {
  private readonly kept = new Map<string, FloatArray[]>();
  private keptBytes = 0;
  private dropped = 0;
  private collect: (() => void) | undefined;

  take(length: number, precision: Precision, zeroed: boolean): FloatArray {
    const data = this.kept.get(key(length, precision))?.pop();
    if (!data) return allocate(length, precision);
    this.keptBytes -= data.byteLength;
    return zeroed ? data.fill(0) : data;
  }

  give({ bytes, reusable }: { bytes: number; reusable: FloatArray | undefined }): void {
    if (reusable && this.keptBytes + bytes <= KEEP_BYTES) {
      const name = key(reusable.length, reusable instanceof Float64Array ? 'float64' : 'float32');
      const list = this.kept.get(name);
      if (list) list.push(reusable);
      else this.kept.set(name, [reusable]);
      this.keptBytes += bytes;
      return;
    }
    this.dropped += bytes;
    if (this.dropped < COLLECT_AFTER_BYTES) return;
    this.dropped = 0;
    this.kept.clear();
    this.keptBytes = 0;
    this.collect ??= exposeCollector();
    this.collect();
  }
}

const key = (length: number, precision: Precision) => `${precision}:${length}`;

/** V8's own collector, without starting node with --expose-gc. */
function exposeCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
