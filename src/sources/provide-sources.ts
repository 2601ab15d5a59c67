import path from 'node:path';
import { type LocatedSource, locateSource } from '../checkpoints/locate-source.js';
import type { Config } from '../config.js';
import type { InputFile, JobRecord } from '../jobs/record.js';
import { layout } from '../store/layout.js';
import type { SourceCache } from './cache.js';
import { isRemote, Origins } from './open-origin.js';
import { FETCHING_ATTEMPTS } from './transfer.js';

/**
 * Every source of a job on this machine: uploads and file:// where they are, remote ones fetched as they were planned.
 * Notes the hash of each fetched file in the job's inputs.
 * @throws DataError `source_changed` when a remote file is not the one that was planned any more
 */
export async function provideSources(
  record: JobRecord,
  config: Config,
  cache: SourceCache,
  signal?: AbortSignal,
): Promise<LocatedSource[]> {
  const roots = { checkpoints: layout(config.DATA_DIR).checkpoints, sourceRoots: config.SOURCE_ROOTS };
  const origins = new Origins(config);
  try {
    const located: LocatedSource[] = [];
    for (const [i, source] of record.spec.sources.entries()) {
      if (!('uri' in source) || !isRemote(source.uri)) {
        located.push(await locateSource(source, roots, `/sources/${i}`));
        continue;
      }
      const inputs = record.inputs.filter((input) => input.source === i);
      const folder = cache.folder(record.id, i);
      const origin = await origins.open(source.uri, `/sources/${i}`, inputs[0]?.revision ?? null);
      for (const input of inputs) {
        const identity = `${source.uri}\n${input.revision ?? ''}`;
        const target = path.join(folder, input.file);
        input.sha256 = await cache.provide(origin, remoteFile(input), identity, target, {
          attempts: FETCHING_ATTEMPTS,
          signal,
        });
      }
      const location = origin.file === undefined ? folder : path.join(folder, origin.file);
      located.push({ label: source.uri, location });
    }
    return located;
  } finally {
    await origins.close();
  }
}

const remoteFile = ({ file, size, sha256, validator }: InputFile) => ({
  name: file,
  size,
  sha256,
  validator: validator ?? null,
});
