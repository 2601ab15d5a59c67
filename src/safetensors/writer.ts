import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { DTYPE_BITS, type Dtype } from './dtype.js';
import { byteLength, PREFIX_BYTES } from './header.js';

export interface TensorSpec {
  name: string;
  dtype: Dtype;
  shape: number[];
}

/** Data sections start on multiples of this many bytes, as in the reference implementation. */
const HEADER_ALIGNMENT = 8;

/** Bytes worth a wait for the disk of their own. */
const FLUSH_BYTES = 64 * 1024 * 1024;

export interface WrittenFile {
  size: number;
  /** Lower-case hex. */
  sha256: string;
}

/** Tensors in the order the reference implementation writes them: widest dtype first, then by name. */
export function fileOrder<T extends TensorSpec>(tensors: readonly T[]): T[] {
  return [...tensors].sort(
    (a, b) => DTYPE_BITS[b.dtype] - DTYPE_BITS[a.dtype] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
}

/** Prefix and JSON header for `tensors` in the given order, padded with spaces. */
export function encodeHeader(tensors: readonly TensorSpec[], metadata: Record<string, string> = {}): Uint8Array {
  const entries: string[] = [];
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`);
  const seen = new Set<string>();
  let position = 0;
  for (const { name, dtype, shape } of tensors) {
    if (seen.has(name) || name === '__metadata__') throw new Error(`Tensor name "${name}" cannot be written.`);
    seen.add(name);
    const end = position + byteLength(dtype, shape, name);
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [position, end] })}`);
    position = end;
  }
  const json = Buffer.from(`{${entries.join(',')}}`, 'utf8');
  const padded = Math.ceil((PREFIX_BYTES + json.length) / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  const out = Buffer.alloc(padded, ' ');
  out.writeBigUInt64LE(BigInt(padded - PREFIX_BYTES), 0);
  json.copy(out, PREFIX_BYTES);
  return out;
}

/**
 * Streams a safetensors file: the header is fixed when it opens, then tensors follow in that order, in chunks of any
 * size. Bytes go to a sibling temporary file that is synced and renamed by `finish`; SHA-256 is taken on the way.
 */
export class SafetensorsWriter {
  private readonly path: string;
  private readonly temporary: string;
  private readonly handle: FileHandle;
  private readonly tensors: readonly TensorSpec[];
  private readonly hash = createHash('sha256');
  private size = 0;
  private index = 0;
  private remaining = 0;
  private flushedTo = 0;
  private flushing: Promise<void> | undefined;
  private failure: unknown;

  private constructor(path: string, temporary: string, handle: FileHandle, tensors: readonly TensorSpec[]) {
    this.path = path;
    this.temporary = temporary;
    this.handle = handle;
    this.tensors = tensors;
  }

  static async create(
    path: string,
    tensors: readonly TensorSpec[],
    metadata: Record<string, string> = { format: 'pt' },
  ): Promise<SafetensorsWriter> {
    const header = encodeHeader(tensors, metadata);
    const temporary = `${path}.${process.pid}.${Date.now().toString(36)}.tmp`;
    const writer = new SafetensorsWriter(path, temporary, await open(temporary, 'wx'), tensors);
    try {
      await writer.append(header);
    } catch (error) {
      await writer.abort();
      throw error;
    }
    writer.expectCurrent();
    return writer;
  }

  /** Append bytes of the current tensor; moves on by itself when the tensor is complete. */
  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length > this.remaining)
      throw new Error(
        `Tensor "${this.tensors[this.index]?.name}" got ${chunk.length - this.remaining} bytes more than its shape holds.`,
      );
    await this.append(chunk);
    this.remaining -= chunk.length;
    if (this.remaining === 0) {
      this.index++;
      this.expectCurrent();
    }
  }

  /** The tensor whose bytes come next, or undefined when all are written. */
  get current(): TensorSpec | undefined {
    return this.tensors[this.index];
  }

  /** Set the disk to work on what was written so far, beside what is computed next: `finish` then waits for the rest. */
  flush(): void {
    if (this.flushing || this.size - this.flushedTo < FLUSH_BYTES) return;
    this.flushedTo = this.size;
    // the system reports a lost write once, so it is kept for `finish`
    this.flushing = this.handle.datasync().then(
      () => {
        this.flushing = undefined;
      },
      (error: unknown) => {
        this.failure = error; // and nothing is flushed after it
      },
    );
  }

  /** @param sync wait until the bytes are on the disk; intermediate files, which can be made again, need not */
  async finish(sync = true): Promise<WrittenFile> {
    if (this.index < this.tensors.length)
      throw new Error(`Tensor "${this.current?.name}" misses ${this.remaining} bytes.`);
    await this.flushing;
    if (this.failure) throw this.failure;
    if (sync) await this.handle.sync();
    await this.handle.close();
    await rename(this.temporary, this.path);
    return { size: this.size, sha256: this.hash.digest('hex') };
  }

  /** Drop what was written; safe to call after a failure at any point. */
  async abort(): Promise<void> {
    await this.flushing;
    await this.handle.close().catch(() => {});
    await rm(this.temporary, { force: true });
  }

  /** Skip tensors without elements: they have no bytes to wait for. */
  private expectCurrent(): void {
    for (; this.index < this.tensors.length; this.index++) {
      const { dtype, shape, name } = this.tensors[this.index];
      this.remaining = byteLength(dtype, shape, name);
      if (this.remaining > 0) return;
    }
  }

  private async append(chunk: Uint8Array): Promise<void> {
    this.hash.update(chunk);
    this.size += chunk.length;
    let done = 0;
    while (done < chunk.length) {
      const { bytesWritten } = await this.handle.write(chunk, done, chunk.length - done);
      done += bytesWritten;
    }
  }
}
