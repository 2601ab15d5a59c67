import { JOIN_STEP } from '../../src/plan/steps.js';
import type { WrittenFile } from '../../src/safetensors/writer.js';
import { syncFile } from '../../src/store/files.js';
import { joinFiles } from './bases-file.js';
import { basisFile, directionsFile } from './basis.js';
import type { StepContext } from './context.js';

/** bases.safetensors of all spaces that have a basis, and directions.safetensors where asked for: files of this step. */
export async function joinBases({ plan, spec, steps, watch }: StepContext): Promise<Record<string, WrittenFile>> {
  const reduced = plan.spaces.filter((space) => space.reduced);
  // A space that grows has no directions to choose from.
  const cut = spec.output.directions ? reduced.filter(({ basis }) => basis !== 'growth') : [];
  const parts: Record<string, string[]> = {
    'bases.safetensors': reduced.map(({ name }) => basisFile(name)),
    'directions.safetensors': cut.map(({ name }) => directionsFile(name)),
  };
  const stop = watch.start('write');
  const files: Record<string, WrittenFile> = {};
  for (const [file, names] of Object.entries(parts)) {
    if (names.length === 0) continue;
    const paths = names.map((name) => steps.file(name));
    files[file] = await joinFiles(paths, steps.target(file));
  }
  stop();
  return files;
}

/** The same as a step of its own, on the disk before the publisher needs it there. */
export async function joinStep(context: StepContext): Promise<void> {
  const { steps } = context;
  const files = await joinBases(context);
  await Promise.all(Object.keys(files).map((file) => syncFile(steps.target(file))));
  await steps.finish(JOIN_STEP, files);
}
