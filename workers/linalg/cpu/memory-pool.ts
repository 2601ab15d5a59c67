import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FloatArray, Precision } from '../contract.js';
import { allocate } from './matrix.js';

/**
 * Bytes kept for reuse: one and a half times the largest matrix so far, within these bounds, so that what is idle stays in
 * proportion to what a merge needs. Fresh memory costs a page fault per 4 KB, and a collection every 64 MB.
 */
const KEPT_MATRICES = 1.5;
const [KEEP_LEAST_BYTES, KEEP_MOST_BYTES] = [16 * 1024 * 1024, 256 * 1024 * 1024];
/** Smaller arrays are not worth keeping: the C library has them in its own lists. */
const SMALL_BYTES = 16 * 1024;
/**
 * A collection is forced before memory is asked for that would let arrays grow by so many bytes since the last one, or by
 * as half the largest matrix has: V8 counts them late, and a worker's limit is real.
 */
const COLLECT_AFTER_BYTES = 16 * 1024 * 1024;
/** Smaller arrays do not ask: it takes some 30 µs. */
const WATCHED_BYTES = 1024 * 1024;

/** Memory given back by disposed matrices, for matrices of about the same size to come. */
export class MemoryPool {
  /** By capacity; the capacity used last comes last. */
  private readonly kept = new Map<number, ArrayBufferLike[]>();
  private keptBytes = 0;
  private limit = KEEP_LEAST_BYTES;
  /** Bytes of all arrays that were in use when it was known which are. */
  private used = Number.POSITIVE_INFINITY;
  private collect: (() => void) | undefined;

  constructor() {
    // Matrices count as the heap's growth, so V8 would mark its few megabytes step by step all the time, on two threads.
    setFlagsFromString('--no-incremental-marking');
  }

  take(length: number, precision: Precision, zeroed: boolean): FloatArray {
    const bytes = length * (precision === 'float64' ? 8 : 4);
    if (bytes < SMALL_BYTES) return allocate(length, precision);
    const capacity = capacityOf(bytes);
    this.limit = Math.min(Math.max(this.limit, KEPT_MATRICES * capacity), KEEP_MOST_BYTES);
    const buffer = this.kept.get(capacity)?.pop();
    if (buffer) this.keptBytes -= capacity;
    else if (capacity >= WATCHED_BYTES) this.collectWhenDue();
    const data = viewOf(buffer ?? new ArrayBuffer(capacity), length, precision);
    return zeroed && buffer ? data.fill(0) : data;
  }

  /** @param reusable whether nobody else holds `data` */
  give(data: FloatArray, reusable: boolean): void {
    const { byteLength: bytes } = data.buffer;
    if (!reusable || bytes > this.limit || bytes !== capacityOf(bytes)) return;
    const list = this.kept.get(bytes) ?? [];
    list.push(data.buffer);
    this.kept.delete(bytes);
    this.kept.set(bytes, list);
    this.keptBytes += bytes;
    while (this.keptBytes > this.limit) this.dropOldest();
  }

  private dropOldest(): void {
    for (const [capacity, list] of this.kept) {
      if (list.pop()) {
        this.keptBytes -= capacity;
        return;
      }
      this.kept.delete(capacity);
    }
  }

  private collectWhenDue(): void {
    const held = process.memoryUsage().arrayBuffers;
    this.used = Math.min(this.used, held);
    if (held - this.used < Math.max(COLLECT_AFTER_BYTES, this.limit / (2 * KEPT_MATRICES))) return;
    this.collect ??= exposeCollector();
    this.collect();
    this.used = process.memoryUsage().arrayBuffers;
  }
}

/** The next eighth of a power of two: matrices of nearly one size, as selections are, share memory; 12 % is left over. */
function capacityOf(bytes: number): number {
  const grain = 2 ** Math.max(0, Math.floor(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / grain) * grain;
}

const viewOf = (buffer: ArrayBufferLike, length: number, precision: Precision): FloatArray =>
  precision === 'float64' ? new Float64Array(buffer, 0, length) : new Float32Array(buffer, 0, length);

/** V8's own collector, without starting node with --expose-gc. */
function exposeCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
