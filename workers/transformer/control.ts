import { CancelledError } from '../../src/errors.js';

/** What a long step reports and listens to. */
export interface Control {
  signal?: AbortSignal;
  onProgress?: (progress: {
    phase: 'basis' | 'fold' | 'evaluate' | 'publish';
    completed: number;
    total: number;
  }) => void;
}

/** @throws CancelledError once the signal is aborted; called between layers and batches. */
export function checkCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CancelledError();
}
