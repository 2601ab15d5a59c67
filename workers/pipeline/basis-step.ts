import { bases } from '../bases/index.js';
import { basisFile, directionsFile, disposeBasis, keepBasis } from './basis.js';
import { writeBasis } from './basis-files.js';
import { readConstant } from './constants.js';
import type { StepContext } from './context.js';
import { earlierSteps, reachFile } from './earlier-steps.js';
import { writeMatrices } from './matrix-files.js';

/** Compute and store the basis of one space. */
export async function basisStep(context: StepContext, name: string): Promise<void> {
  const { plan, spec, la, reader, steps, watch } = context;
  const space = plan.spaces.find((s) => s.name === name);
  if (!space) throw new Error(`The plan has no space ${name}.`);
  const constant = space.constant === 'basis_column' ? await readConstant(context, name) : null;
  if (!space.basis) throw new Error(`Space ${name} is kept as it is; it has no basis.`);
  const earlier = earlierSteps(context);
  const { basis, directions, report, reach } = await bases[space.basis]({
    la,
    reader,
    plan,
    space,
    method: spec.method,
    constant,
    everyDirection: spec.output.directions,
    earlier,
  });
  const stop = watch.start('write');
  const files = { [basisFile(name)]: await writeBasis(steps.target(basisFile(name)), la, basis) };
  if (reach) files[reachFile(name)] = await writeMatrices(steps.target(reachFile(name)), la, reach);
  if (directions) {
    files[directionsFile(name)] = await writeBasis(steps.target(directionsFile(name)), la, directions);
    disposeBasis(la, directions);
  }
  stop();
  reach?.forEach((m) => {
    la.dispose(m);
  });
  keepBasis(context, basis);
  await steps.finish(`basis-${name}`, files, report);
}
