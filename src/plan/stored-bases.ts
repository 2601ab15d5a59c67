import { SpecError } from '../errors.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { SpacePlan, StoredBases, StoredSpace } from '../schemas/plan.js';

/**
 * Let the spaces of a plan take an earlier job's bases: how a space is decomposed then follows what is stored.
 * @throws SpecError `bases_unusable`, naming the space, what is stored and what is needed
 */
export function takeStored(
  spec: JobSpec,
  spaces: readonly SpacePlan[],
  { job, spaces: stored }: StoredBases,
): SpacePlan[] {
  return spaces.map((space) => {
    if (!space.reduced || space.basis === 'growth') return space;
    const found = stored[space.name];
    if (!found)
      throw refuse(
        `Job ${job} stored no basis of "${space.name}" (it has ${Object.keys(stored).join(', ') || 'none that fit'}). bases.spaces says which of its bases a space takes.`,
      );
    check(spec, space, found, job);
    const live = found.blocks.reduce((sum, block) => sum + block.live, 0);
    if (!space.width_goal && space.width > live && !found.complete)
      throw refuse(
        `Space "${space.name}" is to be ${space.width} wide; job ${job} stored ${live} directions of it. Run it with output.directions true to keep every direction.`,
      );
    return {
      ...space,
      basis: 'stored',
      coupled: found.blocks.length === 1 && space.source_widths.length > 1,
      width_range: space.width_range && [space.width_range[0], Math.min(space.width_range[1], live)],
      width: space.width_goal ? Math.min(space.width, live) : space.width,
    };
  });
}

function check({ method }: JobSpec, space: SpacePlan, found: StoredSpace, job: string): void {
  const wrong = (what: string, is: string, wanted: string) =>
    refuse(`The basis of "${space.name}" in job ${job} is ${what} ${is}; this job asks for ${wanted}.`);
  if (found.mode !== method.mode) throw wrong('mode', found.mode, method.mode);
  if (found.basis !== method.basis) throw wrong('basis', found.basis, method.basis);
  const total = space.source_widths.reduce((sum, d) => sum + d, 0);
  const spans = found.blocks.map(({ span: [from, to] }) => to - from);
  const apart = found.blocks.length > 1;
  const fits = apart
    ? spans.length === space.source_widths.length && spans.every((d, i) => d === space.source_widths[i])
    : spans[0] === total;
  if (!fits) throw wrong('for widths', spans.join(' + '), space.source_widths.join(' + '));
  if (found.widths_fixed && space.width !== found.width)
    throw refuse(
      `The balanced basis of "${space.name}" in job ${job} takes in constants, which ties it to that job's widths: ${found.width}, not ${space.width_goal ? 'an open one' : space.width}.`,
    );
}

const refuse = (message: string) => new SpecError('bases_unusable', message, '/bases');
