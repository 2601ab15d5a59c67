import { bases } from '../bases/index.js';
import { basisFile, keepBasis } from './basis.js';
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
  const { basis, report, reach } = await bases[space.basis]({
    la,
    reader,
    plan,
    space,
    method: spec.method,
    constant,
    earlier,
  });
  const stop = watch.start('write');
  const files = { [basisFile(name)]: await writeBasis(steps.target(basisFile(name)), la, basis) };
  if (reach) files[reachFile(name)] = await writeMatrices(steps.target(reachFile(name)), la, reach);
  stop();
  reach?.forEach((m) => {
    la.dispose(m);
  });
  keepBasis(context, basis);
  await steps.finish(`basis-${name}`, files, report);
}
