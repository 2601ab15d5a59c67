import { readConfig } from '../../src/checkpoints/read-config.js';
import type { CheckpointReader } from '../../src/checkpoints/reader.js';
import type { SourceHeaders } from '../../src/plan/sources.js';
import type { MergeRun } from './attempt.js';

/** What planning knows of a run's sources, as they are now. */
export function headersOf(
  { record, sources }: Pick<MergeRun, 'record' | 'sources'>,
  readers: readonly CheckpointReader[],
): Promise<SourceHeaders[]> {
  return Promise.all(
    readers.map(async ({ tensors }, i) => {
      const { rows, columns } = record.spec.sources[i];
      const { label } = sources[i];
      return { label, tensors, slice: { rows, columns }, config: await readConfig(sources[i], `/sources/${i}`) };
    }),
  );
}
