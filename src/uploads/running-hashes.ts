import { createHash, type Hash } from 'node:crypto';

interface Running {
  hash: Hash;
  /** Bytes it has seen, from the first on. */
  bytes: number;
}

/** Uploads hashed at a time; one that is pushed out is hashed when it is whole. */
const MOST = 1_000;

/**
 * SHA-256 of uploads as their bytes come in, so that a file that came through this process, in however many requests,
 * need not be read again. Good only while every byte was seen once and in order.
 */
export class RunningHashes {
  private readonly running = new Map<string, Running>();

  /** The bytes of an upload from `offset` on, seen on their way. */
  async *watch(id: string, offset: number, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const known = this.running.get(id);
    const running = known?.bytes === offset ? known : offset === 0 ? this.begin(id) : undefined;
    if (!running) this.running.delete(id);
    for await (const chunk of source) {
      running?.hash.update(chunk);
      if (running) running.bytes += chunk.length;
      yield chunk;
    }
  }

  /** Hex digest of an upload of `size` bytes, where all of them were seen; it is forgotten then. */
  take(id: string, size: number): string | undefined {
    const known = this.running.get(id);
    this.running.delete(id);
    return known?.bytes === size ? known.hash.digest('hex') : undefined;
  }

  private begin(id: string): Running {
    if (this.running.size >= MOST) this.running.delete([...this.running.keys()][0]);
    const running = { hash: createHash('sha256'), bytes: 0 };
    this.running.set(id, running);
    return running;
  }
}
