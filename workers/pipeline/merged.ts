import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { LARGEST_HEADER_BYTES } from '../../src/safetensors/header.js';
import type { StepContext } from './context.js';

/** The result as the fold steps left it: the very bytes that are published. */
export async function openMerged({ plan, steps }: StepContext): Promise<CheckpointReader> {
  for (const step of plan.steps) if (step.phase === 'fold') await steps.require(step.id);
  return CheckpointReader.openFiles(
    plan.shards.map(({ file }) => steps.file(file)),
    LARGEST_HEADER_BYTES,
  );
}
