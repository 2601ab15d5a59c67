import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { FileStore } from '@tus/file-store';
import { Upload } from '@tus/server';
import { RunningHashes } from './running-hashes.js';

/** Of an upload that became a file of a checkpoint, beside what it was announced as. */
const ADOPTED = 'checkpoint';

export const isAdopted = (upload: Upload): boolean => upload.storage?.type === ADOPTED;

/**
 * Uploads as the reference store keeps them, a file and its description each. Those that became files of a checkpoint
 * are remembered until they expire: a client that lost the last answer asks whether it is done.
 */
export class UploadStore extends FileStore {
  private readonly hashes = new RunningHashes();

  location(id: string): string {
    return path.join(this.directory, id);
  }

  override async getUpload(id: string): Promise<Upload> {
    const described = await this.configstore.get(id);
    if (described && isAdopted(described) && !(await this.isThere(id)))
      return new Upload({ ...described, offset: described.size ?? 0 });
    return super.getUpload(id);
  }

  override write(source: Readable, id: string, offset: number): Promise<number> {
    return super.write(Readable.from(this.hashes.watch(id, offset, source)), id, offset);
  }

  /** Digest (SHA-256, hex) of an upload that came through this process from its first byte on, else undefined. */
  digest({ id, size = 0 }: Upload): string | undefined {
    return this.hashes.take(id, size);
  }

  /** From now on the upload counts as done once its file has been moved away. */
  async markAdopted(id: string, target: string): Promise<void> {
    const described = await this.configstore.get(id);
    if (!described) return;
    await this.configstore.set(id, new Upload({ ...described, storage: { type: ADOPTED, path: target } }));
  }

  override async remove(id: string): Promise<void> {
    await this.getUpload(id);
    await rm(this.location(id), { force: true });
    await this.configstore.delete(id);
  }

  isExpired({ creation_date }: Upload, now = Date.now()): boolean {
    return creation_date !== undefined && now > Date.parse(creation_date) + this.getExpiration();
  }

  private isThere(id: string): Promise<boolean> {
    return stat(this.location(id)).then(
      () => true,
      () => false,
    );
  }
}
