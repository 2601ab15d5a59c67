/** A piece of device memory. `event` marks, on the compute stream, when its last use was over. */
export interface Block {
  pointer: number;
  bytes: number;
  event: bigint | null;
}

export interface PoolActions {
  /** Null where the device has not that much left. */
  allocate(bytes: number): number | null;
  release(block: Block): void;
  /** Called when a block is given back. */
  mark(block: Block): void;
}

/** Sizes are rounded up to this, so that matrices of nearly one size share blocks. */
export const GRAIN_BYTES = 64 * 1024;

/** Device memory, reused by size (cudaMalloc and cudaFree wait for the whole device) and never above a limit. */
export class DevicePool {
  readonly limit: number;
  private readonly actions: PoolActions;
  private readonly kept = new Map<number, Block[]>();
  /** Bytes in use, and bytes kept for reuse. */
  private used = 0;
  private idle = 0;

  constructor(limit: number, actions: PoolActions) {
    this.limit = limit;
    this.actions = actions;
  }

  /** Bytes that could still be taken. */
  get available(): number {
    return this.limit - this.used;
  }

  /**
   * A block of at least `bytes`; null where that would pass the limit, or the device is full.
   * @param reserve share of the limit that must stay free: what matrices leave for workspaces
   */
  take(bytes: number, reserve = 0): Block | null {
    const size = Math.max(1, Math.ceil(bytes / GRAIN_BYTES)) * GRAIN_BYTES;
    if (this.used + size > (1 - reserve) * this.limit) return null;
    const found = this.kept.get(size)?.pop();
    if (found) {
      this.idle -= size;
      this.used += size;
      return found;
    }
    if (this.used + this.idle + size > this.limit) this.trim();
    let pointer = this.actions.allocate(size);
    if (pointer === null && this.idle > 0) {
      this.trim();
      pointer = this.actions.allocate(size);
    }
    if (pointer === null) return null;
    this.used += size;
    return { pointer, bytes: size, event: null };
  }

  give(block: Block): void {
    this.actions.mark(block);
    this.used -= block.bytes;
    this.idle += block.bytes;
    const list = this.kept.get(block.bytes);
    if (list) list.push(block);
    else this.kept.set(block.bytes, [block]);
  }

  /** Return everything idle to the device. */
  trim(): void {
    for (const blocks of this.kept.values()) for (const block of blocks) this.actions.release(block);
    this.kept.clear();
    this.idle = 0;
  }
}
