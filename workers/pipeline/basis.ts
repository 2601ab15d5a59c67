import type { Basis, BasisReport } from '../bases/basis.js';
import { bases } from '../bases/index.js';
import { readBasis, writeBasis } from './basis-files.js';
import { readConstant } from './constants.js';
import type { StepContext } from './context.js';

export const basisFile = (space: string) => `basis-${space}.safetensors`;

/** Compute and store the basis of one space. */
export async function basisStep(context: StepContext, name: string): Promise<void> {
  const { plan, spec, la, reader, steps, watch } = context;
  const space = plan.spaces.find((s) => s.name === name);
  if (!space) throw new Error(`The plan has no space ${name}.`);
  const constant = space.constant === 'basis_column' ? await readConstant(context, name) : null;
  const { basis, report } = await bases[spec.method.basis]({ la, reader, plan, space, method: spec.method, constant });
  const stop = watch.start('write');
  const written = await writeBasis(steps.file(basisFile(name)), la, basis);
  stop();
  disposeBasis(context, basis);
  await steps.finish(`basis-${name}`, { [basisFile(name)]: written }, report);
}

/** The stored basis of a space; null where the space is kept as it is. */
export async function loadBasis({ plan, la, steps, watch }: StepContext, name: string): Promise<Basis | null> {
  if (!plan.spaces.some((space) => space.name === name && space.reduced)) return null;
  await steps.require(`basis-${name}`);
  const stop = watch.start('read');
  const basis = await readBasis(steps.file(basisFile(name)), la, name);
  stop();
  return basis;
}

export function disposeBasis({ la }: StepContext, basis: Basis | null): void {
  for (const { expand, fold } of basis?.blocks ?? []) {
    la.dispose(expand);
    la.dispose(fold);
  }
}

export const basisReport = async ({ steps }: StepContext, name: string): Promise<BasisReport> =>
  (await steps.require<BasisReport>(`basis-${name}`)).data;
