import { stat } from 'node:fs/promises';
import { remember } from '../remember.js';
import { isMissing, SETTLED_MS } from './files.js';

interface Read<T> {
  content: T;
  /** The folder's time of change, and when this process first saw that (`performance.now()`, ms). */
  changed: bigint;
  since: number;
  /** Read again SETTLED_MS after that, so that nothing can have changed unseen since. */
  settled: boolean;
}

/** What was read of folders, kept while their times of change say that they are as they were. */
export class FolderCache<T> {
  private readonly most: number;
  private readonly known = new Map<string, Read<T>>();

  /** @param most folders that are kept */
  constructor(most: number) {
    this.most = most;
  }

  /** @returns undefined where there is no such folder, or `load` finds nothing in it */
  async read(folder: string, load: () => Promise<T | undefined>): Promise<T | undefined> {
    const [changed, now] = [await timeOfChange(folder), performance.now()];
    const before = this.known.get(folder);
    const last = before?.changed === changed ? before : undefined;
    if (last?.settled) return last.content;
    const content = changed === undefined ? undefined : await load();
    if (content === undefined || changed === undefined) {
      this.known.delete(folder);
      return undefined;
    }
    const since = last?.since ?? now;
    remember(this.known, folder, { content, changed, since, settled: now - since > SETTLED_MS }, this.most);
    return content;
  }

  forget(folder: string): void {
    this.known.delete(folder);
  }
}

/** When an entry was last added to a folder, replaced or removed: epoch, ns. Undefined where there is no such folder. */
async function timeOfChange(folder: string): Promise<bigint | undefined> {
  const info = await stat(folder, { bigint: true }).catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return info?.mtimeNs;
}
