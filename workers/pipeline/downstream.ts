import type { WrittenFile } from '../../src/safetensors/writer.js';
import { downstreamFactors } from '../bases/chain-factors.js';
import type { StepContext } from './context.js';
import { writeMatrices } from './matrix-files.js';

export const downstreamFile = (space: string) => `downstream-${space}.safetensors`;

/** R of every hidden space, a file each: what balanced bases see of the layers behind them. */
export async function downstreamStep({ la, reader, plan, steps }: StepContext): Promise<void> {
  const files: Record<string, WrittenFile> = {};
  for await (const { space, factors } of downstreamFactors(la, reader, plan)) {
    const name = downstreamFile(space.name);
    files[name] = await writeMatrices(steps.target(name), la, factors);
  }
  await steps.finish('downstream', files);
}
