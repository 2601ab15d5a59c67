import { grownSizes } from '../../../src/families/growth.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { TransformerMetrics } from '../../../src/schemas/metrics.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { frameLevel } from '../closed-form/growth.js';
import { centres } from '../closed-form/merging.js';
import type { Kept } from '../selection.js';
import type { MergeBases } from './weight-errors.js';

export type SpaceFigures = TransformerMetrics['spaces'][number];

/** What the plan says of every space, and what its stored basis turned out to be. */
export async function spaceFigures(
  la: LinearAlgebra,
  plan: TransformerPlan,
  bases: MergeBases,
  retained: number,
): Promise<SpaceFigures[]> {
  const { heads, kvHeads, headDim } = plan.target;
  const residual = (await grownSizes(plan.sources, plan.target).hidden)
    ? await grownFigures(la, plan, bases)
    : await residualFigures(la, plan, bases, retained);
  const selected = (kept: Kept, size: number) => ({
    retained_energy: null,
    // copies and dead units are no directions of their own
    directions_by_source: kept.map((list) => new Set(list.filter((index) => index >= 0)).size * size),
    identity_error: 0,
  });
  const figures = (name: string) => {
    if (name === 'residual') return residual;
    const [, layer, what] = /^layer\.(\d+)\.(\w+)$/.exec(name) ?? [];
    if (what === 'heads') return selected(bases.groups[Number(layer)], (headDim * heads) / kvHeads);
    if (what === 'ffn') return selected(bases.units[Number(layer)], 1);
    if (name === 'transform' || name === 'pooler') return selected(bases[name], 1);
    return { retained_energy: null, directions_by_source: null, identity_error: null };
  };
  return plan.spaces.map(({ name, source_widths, width, legality, reason }) => ({
    name,
    source_width: source_widths.reduce((sum, d) => sum + d, 0),
    width,
    legality,
    reason,
    ...figures(name),
  }));
}

/** Growth: F·E is what must be the identity, or the projection off 1 where the mean was taken out of E. */
async function grownFigures(la: LinearAlgebra, plan: TransformerPlan, { expand, fold }: MergeBases) {
  const product = await la.gemm(fold as Matrix, expand);
  const values = await la.download(product);
  const d = expand.cols;
  const level = frameLevel(plan);
  let [worst, trace] = [0, 0];
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) worst = Math.max(worst, Math.abs(values[i * d + j] - ((i === j ? 1 : 0) - level)));
    trace += values[i * d + i];
  }
  la.dispose(product);
  return { retained_energy: 1, directions_by_source: [trace], identity_error: worst };
}

async function residualFigures(la: LinearAlgebra, plan: TransformerPlan, { expand }: MergeBases, retained: number) {
  const product = await la.gemm(expand, expand, { transB: true });
  const values = await la.download(product);
  const r = expand.rows;
  // a centred stream has no part along 1: there E·F is the projection onto the rest
  const level = centres(plan) && r < expand.cols ? 1 / r : 0;
  let worst = 0;
  for (let i = 0; i < r; i++)
    for (let j = 0; j < r; j++) worst = Math.max(worst, Math.abs(values[i * r + j] - ((i === j ? 1 : 0) - level)));
  la.dispose(product);
  const directions: number[] = [];
  let at = 0;
  for (const { architecture } of plan.sources) {
    const part = la.view(expand, 0, r, at, at + architecture.hidden);
    directions.push((await la.norms(part)).sumSquares);
    at += architecture.hidden;
  }
  return { retained_energy: retained, directions_by_source: directions, identity_error: worst };
}
