import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { LocatedSource } from '../checkpoints/locate-source.js';
import type { Config } from '../config.js';
import { SpecError, WeightfoldError } from '../errors.js';
import type { InputFile } from '../jobs/record.js';
import { layout } from '../store/layout.js';
import { SourceUnavailable } from './error.js';
import { Origins } from './open-origin.js';
import { outline } from './outline.js';
import { PLANNING_ATTEMPTS } from './transfer.js';

/** A client waits for its plan; what cannot be looked up in this time is reported as unavailable. */
const PLANNING_MS = 60_000;

/** Outlines of the remote sources of one spec, gone when it is planned. */
export class RemoteOutlines {
  private readonly config: Config;
  private readonly deadline = new AbortController();
  /** From the first remote source on: most specs have none. */
  private opened: { origins: Origins; folder: string } | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(config: Config) {
    this.config = config;
  }

  /** @throws SpecError, pointing at the source; SourceUnavailable */
  async of(uri: string, source: number): Promise<{ located: LocatedSource; inputs: InputFile[] }> {
    const pointer = `/sources/${source}/uri`;
    this.opened ??= {
      origins: new Origins(this.config),
      folder: path.join(layout(this.config.DATA_DIR).sources, 'outlines', randomBytes(9).toString('base64url')),
    };
    const { origins } = this.opened;
    this.timer ??= setTimeout(
      () => this.deadline.abort(new SourceUnavailable(`The sources did not answer within ${PLANNING_MS / 1000} s.`)),
      PLANNING_MS,
    );
    const folder = path.join(this.opened.folder, String(source));
    const origin = await origins.open(uri, pointer);
    try {
      const patience = { attempts: PLANNING_ATTEMPTS, signal: this.deadline.signal };
      const files = await outline(origin, folder, this.config.MAX_HEADER_BYTES, patience);
      return {
        located: { label: uri, location: origin.file === undefined ? folder : path.join(folder, origin.file) },
        inputs: files.map(({ name, size, sha256, validator }) => ({
          source,
          file: name,
          size,
          sha256,
          validator,
          revision: origin.revision,
        })),
      };
    } catch (error) {
      if (!(error instanceof WeightfoldError) || error.retryable) throw error;
      throw new SpecError(error.code, error.message, pointer);
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    await this.opened?.origins.close();
    if (this.opened) await rm(this.opened.folder, { recursive: true, force: true });
  }
}
