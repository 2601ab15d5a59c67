import { sharesOf } from '../../src/plan/factorization.js';
import type { TensorPlan } from '../../src/schemas/plan.js';
import { offsetsOf } from './basis.js';
import type { BasisInput, ComputedBasis } from './basis-input.js';
import { groupsOf, orthonormalBlock } from './block.js';
import { eckartYoung, inputShared, merged, writerOf, writerSpectrum } from './bound.js';
import { cutBasis } from './cut.js';
import { Directions, energyOf, limitOf } from './directions.js';
import { exactSpectra, type Spectrum } from './exact.js';
import { type Problem, problemOf } from './problem.js';
import { randomizedSpectrum } from './randomized.js';

/**
 * Weight PCA of a space: C = Σ W·Wᵀ over its writer, uncentred (isotropic inputs), E from its leading eigenvectors.
 * Per tensor this is the optimum: ‖W − F·E·W‖_F meets the Eckart–Young bound. For the network behind it, it is not.
 */
export async function weightBasis(input: BasisInput): Promise<ComputedBasis> {
  const { la, reader, plan, space, method } = input;
  const writer = writerOf(plan, space);
  const { problems, spectra, sampled } = await solve(input, problemsOf(input, writer));
  const sigmas = spectra.map(({ sigma }) => sigma);
  const directions = new Directions(space, method.mode, sigmas);
  // A sample ends at its width; the writer's own values say what lies beyond. So they do where the constant's column
  // took part in the basis, or sources that share their inputs were solved apart.
  const own = !sampled && !input.constant && (!inputShared(plan, writer) || problems.length === 1);
  const sigma = own ? merged(sigmas) : await writerSpectrum(la, reader, plan, writer);
  const rest = sampled ? Math.max(0, energyOf(sigma) - directions.total) : 0;
  const width = directions.width(limitOf(space, directions.total));
  const { report, ...bases } = await cutBasis(input, {
    width,
    groups: problems.map(({ sources }) => sources),
    directions,
    sigmas,
    rest,
    origin: { basis: 'weight', writer_spectrum: own, widths_fixed: false },
    build: async (p, choice, last) => {
      const { vectors } = spectra[p];
      const own = last ? vectors : await la.cast(vectors, 'float64');
      return orthonormalBlock(la, plan.precision, space, problems[p].sources, choice, own, sigmas[p]);
    },
  });
  return {
    ...bases,
    report: {
      ...report,
      spectrum: [...sigma],
      optimal_relative_error: eckartYoung(sigma, width),
    },
  };
}

function problemsOf({ plan, space, constant }: BasisInput, writer: TensorPlan): Problem[] {
  const shared = inputShared(plan, writer);
  if (space.coupled) return groupsOf(space).map((all) => problemOf(writer, all, shared, constant));
  const offsets = offsetsOf(space.source_widths);
  return groupsOf(space).map(([i]) =>
    problemOf(writer, [i], shared, constant?.slice(offsets[i], offsets[i + 1]) ?? null),
  );
}

interface Solved {
  problems: Problem[];
  spectra: Spectrum[];
  sampled: boolean;
}

async function solve(input: BasisInput, problems: Problem[]): Promise<Solved> {
  const { la, reader, plan, space, method } = input;
  const solver = method.solver;
  const exact = async () => ({ problems, spectra: await exactSpectra(la, reader, problems), sampled: false });
  if (solver.type === 'exact') return exact();
  // mode diag draws one joint sample over all sources, as the notebook does on its block-diagonal matrix
  const sampled = method.mode === 'diag' ? [jointProblem(input)] : problems;
  const shares = method.mode === 'diag' ? [space.width] : sharesOf(space.width, space.source_widths);
  // A sample as large as the matrix's smaller side is no sample: solve exactly.
  if (sampled.some((p, i) => shares[i] >= Math.min(p.rows, p.cols))) return exact();
  const spectra: Spectrum[] = [];
  for (const [i, p] of sampled.entries()) {
    const options = { q: shares[i], niter: solver.niter, seed: solver.seed + i };
    spectra.push(await randomizedSpectrum(la, reader, p, options, plan.precision));
  }
  return { problems: sampled, spectra, sampled: true };
}

function jointProblem({ plan, space, constant }: BasisInput): Problem {
  const writer = writerOf(plan, space);
  return problemOf(
    writer,
    writer.sources.map((_, i) => i),
    inputShared(plan, writer),
    constant,
  );
}
