import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import type { TensorReader } from '../pipeline/sources.js';
import { offsetsOf } from './basis.js';
import type { BasisInput, ComputedBasis } from './basis-input.js';
import { groupsOf, orthonormalBlock, spanOf } from './block.js';
import { writerOf } from './bound.js';
import { reachOf, withConstant } from './chain-factors.js';
import { cutBasis } from './cut.js';
import { Directions, limitOf } from './directions.js';
import type { Spectrum } from './exact.js';
import { chunkRows } from './problem.js';

/**
 * Activation PCA of a space: C = E[h·hᵀ] over calibration data run through the sources, E from its leading
 * eigenvectors; for that data no width-r basis of this one space loses less. float64.
 *
 * Chains: h = P·x + c by way of Φ (see `EarlierSteps.inputs`), which holds all a second moment says of the rows.
 * Embeddings: C = Σ_t share(t)·e_t·e_tᵀ, the table's rows weighted by how often calibration uses them.
 *
 * Not for calibration data unlike what the result will see: directions the data never takes are given up first.
 */
export async function activationBasis(input: BasisInput): Promise<ComputedBasis> {
  const { la, plan, space, method } = input;
  const groups = groupsOf(space);
  const { spectra, reach } = await solve(input);
  const sigmas = spectra.map(({ sigma }) => sigma);
  const directions = new Directions(space, method.mode, sigmas);
  const { report, ...bases } = await cutBasis(input, {
    width: directions.width(limitOf(space, directions.total)),
    groups,
    directions,
    sigmas,
    origin: { basis: 'activation', writer_spectrum: false, widths_fixed: false },
    build: async (g, choice, last) => {
      const { vectors } = spectra[g];
      const own = last ? vectors : await la.cast(vectors, 'float64');
      return orthonormalBlock(la, plan.precision, space, groups[g], choice, own, sigmas[g]);
    },
  });
  return { ...bases, report: { ...report, optimal_relative_error: null }, reach };
}

async function solve(input: BasisInput): Promise<{ spectra: Spectrum[]; reach?: Matrix[] }> {
  const { la, reader, plan, space, constant, earlier } = input;
  const writer = writerOf(plan, space);
  const moments: Matrix[] = [];
  let reach: Matrix[] | undefined;
  if (writer.layout === 'in_out') {
    const shares = await earlier.shares();
    for (const sources of groupsOf(space)) moments.push(await tableMoment(la, reader, input, sources, shares));
  } else {
    const reached = await reachOf(input);
    reach = reached.map(({ linear }) => linear);
    for (const [g, sources] of groupsOf(space).entries()) {
      const [from, to] = spanOf(space, sources);
      const l = constant ? await withConstant(la, reached[g], constant.slice(from, to)) : reached[g].linear;
      moments.push(await la.syrk(l));
      if (l !== reached[g].linear) la.dispose(l);
    }
  }
  const spectra = (await la.eigh(moments)).map(({ values, vectors }) => ({
    sigma: values.map((value) => Math.sqrt(Math.max(value, 0))),
    vectors,
  }));
  return { spectra, reach };
}

/** Σ_t share(t)·e_t·e_tᵀ over the rows of a table, the sources' columns side by side; streamed. */
async function tableMoment(
  la: LinearAlgebra,
  reader: TensorReader,
  { plan, space }: BasisInput,
  sources: number[],
  shares: Float64Array,
): Promise<Matrix> {
  const writer = writerOf(plan, space);
  const offsets = offsetsOf(sources.map((i) => space.source_widths[i]));
  const width = offsets[sources.length];
  const moment = la.zeros(width, width, 'float64');
  const chunk = chunkRows(width);
  for (let from = 0; from < shares.length; from += chunk) {
    const to = Math.min(from + chunk, shares.length);
    const rows = la.zeros(to - from, width, 'float64');
    for (const [position, i] of sources.entries()) {
      const part = await reader.block(writer.sources[i], from, to, 'float64');
      await la.copy(part, la.view(rows, 0, to - from, offsets[position], offsets[position + 1]));
      la.dispose(part);
    }
    await la.scaleRows(
      rows,
      shares.slice(from, to).map((share) => Math.sqrt(share)),
    );
    await la.syrk(rows, { transpose: true, beta: 1, out: moment });
    la.dispose(rows);
  }
  return moment;
}
