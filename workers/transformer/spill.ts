import { type FileHandle, open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { FloatArray } from '../linalg/contract.js';

/**
 * One activation of every calibration token, [tokens, width] float32, in a file of the work directory: what keeps
 * memory independent of the number of tokens. Written and read batch by batch, in place.
 */
export class TokenFile {
  readonly width: number;
  private readonly path: string;
  private readonly handle: FileHandle;

  private constructor(file: string, handle: FileHandle, width: number) {
    this.path = file;
    this.handle = handle;
    this.width = width;
  }

  static async create(directory: string, name: string, width: number): Promise<TokenFile> {
    const file = path.join(directory, `${name}.f32`);
    return new TokenFile(file, await open(file, 'w+'), width);
  }

  async write(firstToken: number, values: FloatArray): Promise<void> {
    const floats = values instanceof Float32Array ? values : new Float32Array(values);
    const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
    for (let done = 0; done < bytes.length; ) {
      const position = firstToken * this.width * 4 + done;
      done += (await this.handle.write(bytes, done, bytes.length - done, position)).bytesWritten;
    }
  }

  async read(firstToken: number, tokens: number): Promise<Float32Array> {
    const out = new Float32Array(tokens * this.width);
    const bytes = new Uint8Array(out.buffer);
    for (let done = 0; done < bytes.length; ) {
      const position = firstToken * this.width * 4 + done;
      const { bytesRead } = await this.handle.read(bytes, done, bytes.length - done, position);
      if (bytesRead === 0) throw new Error(`${path.basename(this.path)} ends before token ${firstToken + tokens}.`);
      done += bytesRead;
    }
    return out;
  }

  async remove(): Promise<void> {
    await this.handle.close();
    await rm(this.path, { force: true });
  }
}
