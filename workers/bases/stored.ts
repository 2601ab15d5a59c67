import { DataError } from '../../src/errors.js';
import type { StoredSpace } from '../../src/schemas/plan.js';
import { transposed } from '../linalg/transposed.js';
import { mapBefore, passedBefore } from './balanced.js';
import type { BasisOrigin } from './basis.js';
import type { BasisInput, ComputedBasis } from './basis-input.js';
import { obliqueBlock, orthonormalBlock, unitScale } from './block.js';
import { eckartYoung, merged } from './bound.js';
import { type CutReport, cutBasis } from './cut.js';
import { Directions, limitOf } from './directions.js';

/**
 * The leading directions of a basis that an earlier job stored: another width, or other tensors on the same space,
 * without a decomposition. What comes out is what computing it afresh would give: directions do not depend on the width
 * (a balanced basis keeps no more of them than the space before it does).
 * @throws DataError `bases_too_narrow` when a goal asks for more than is stored
 */
export async function storedBasis(input: BasisInput): Promise<ComputedBasis> {
  const { la, plan, space, method, earlier } = input;
  const { blocks, about } = await earlier.stored(space.name);
  const stored = plan.stored_bases?.spaces[space.name] as StoredSpace;
  const balanced = about.basis === 'balanced';
  const lengths = blocks.map(({ sigma }) => sigma.length);
  const limits = balanced ? await passedBefore(input, lengths) : lengths;
  const sigmas = blocks.map(({ sigma }, g) => sigma.slice(0, limits[g]));
  // What is not stored counts as long as the spaces before let it through.
  const rest = sigmas.every(({ length }, g) => length === blocks[g].sigma.length) ? about.rest_energy : 0;
  const directions = new Directions(space, method.mode, sigmas, 0);
  const total = directions.total + rest;
  const map = balanced ? await mapBefore(input, total) : undefined;
  const limit = limitOf(space, total, map) - rest;
  if (space.width_goal && limit < 0)
    throw new DataError(
      'bases_too_narrow',
      `Job ${plan.stored_bases?.job} stored too few directions of "${stored.name}" for the width that was asked for. Run it with output.directions true.`,
    );
  const width = directions.width(limit);
  const { report, ...bases } = await cutBasis(input, {
    width,
    groups: blocks.map(({ sources }) => sources),
    directions,
    sigmas,
    rest,
    origin: about,
    build: async (g, choice) => {
      const rows = await la.cast(la.view(blocks[g].expand, 0, choice.live, 0, blocks[g].expand.cols), 'float64');
      if (balanced) {
        const columns = await la.cast(la.view(blocks[g].fold, 0, rows.cols, 0, choice.live), 'float64');
        const turned = transposed(await la.download(columns), columns.rows, columns.cols);
        la.dispose(columns);
        const fold = la.upload(turned, choice.live, rows.cols);
        return obliqueBlock(la, plan.precision, space, blocks[g].sources, choice, rows, fold, sigmas[g]);
      }
      if (about.factorization === 'covariance') {
        const scale = unitScale(sigmas[g][0]);
        await la.scaleRows(
          rows,
          sigmas[g].slice(0, choice.live).map((s) => scale / s),
        );
      }
      return orthonormalBlock(la, plan.precision, space, blocks[g].sources, choice, rows, sigmas[g]);
    },
  });
  for (const { expand, fold } of blocks) for (const m of [expand, fold]) la.dispose(m);
  const ownWriter =
    about.writer_spectrum && stored.same_sources && space.writers.every((name) => stored.writers.includes(name));
  return {
    ...bases,
    report: {
      ...report,
      optimal_relative_error: ownWriter ? boundOf(about, merged(sigmas), report) : null,
      ...(map && { map: { total: map.total, dropped: map.dropped + directions.tail(width) + rest } }),
    },
  };
}

/**
 * The writer's bound from its own stored spectrum: what diag leaves out is exactly that; separate keeps other directions
 * than the best, which are known only where all are stored.
 */
function boundOf({ mode, rest_energy }: BasisOrigin, sigma: Float64Array, { width, tail_relative_error }: CutReport) {
  if (mode === 'diag') return tail_relative_error;
  return rest_energy === 0 ? eckartYoung(sigma, width) : null;
}
