import { grownSizes } from '../../../src/families/growth.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Survey } from '../calibrated/survey.js';
import { centreRows } from '../centre.js';
import type { Control } from '../control.js';
import type { SlotTensors } from '../model.js';
import { type ResidualBasis, residualBasis } from '../residual.js';
import { residualFrame } from './growth.js';
import type { MergeInput } from './merge-input.js';
import { centres, type Merging } from './merging.js';
import { streamScales, writerMoment } from './moment.js';
import { readerMoment } from './reader-moment.js';
import { type Selections, selections } from './selections.js';
import { transformFolds } from './transform-fold.js';

/** Basis of the residual stream and selections of heads and units: from the weights alone, or as `measured`. */
export async function prepareMerge(
  la: LinearAlgebra,
  plan: TransformerPlan,
  sources: readonly SlotTensors[],
  control: Control = {},
  measured?: Survey,
): Promise<Merging> {
  const { target } = plan;
  // source 1 keeps its own scale, so that ε inside its norms keeps its meaning
  const scale = measured ? measured.scale.map((s) => s / measured.scale[0]) : await streamScales(la, plan, sources);
  const widths = plan.sources.map((s) => s.architecture.hidden);
  const { residual, expand, fold } = grownSizes(plan.sources, target).hidden
    ? await grown(la, plan)
    : await reduced(
        { la, plan, sources },
        measured?.moment ?? (await writerMoment(la, plan, sources, scale, control)),
        control,
      );
  const total = widths.reduce((a, b) => a + b, 0);
  // a stream in the hyperplane has r − 1 of r dimensions, the sources' own d − 1 of d: one and the same ratio at N = 1
  const copied = target.placement === 'post' && target.hidden > total;
  const kappa = copied ? 1 : Math.sqrt((total * residual.retained) / target.hidden);
  const picked = measured ? selected(measured) : await selections(la, plan, sources, scale, control);
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b, 0));
  const basis = { ...residual, scale, kappa, ...picked };
  const write = centres(plan) ? await withoutMeans(la, expand, starts, widths) : expand;
  const transform = await transformFolds({ la, plan, sources }, picked.transform);
  return { la, plan, sources, basis, expand, write, fold, transform, widths, starts };
}

/** E·P, P taking the mean out of each source's part: E·(P·W) for every writer W, at the price of once. */
async function withoutMeans(
  la: LinearAlgebra,
  expand: Matrix,
  starts: readonly number[],
  widths: readonly number[],
): Promise<Matrix> {
  const out = await la.cast(expand, expand.precision);
  for (const [i, start] of starts.entries()) await centreRows(la, la.view(out, 0, out.rows, start, start + widths[i]));
  return out;
}

/** E of PCA, or of the balanced directions, and F = Eᵀ. */
async function reduced(input: MergeInput, moment: Matrix, control: Control) {
  const { la, plan } = input;
  const { target, mode } = plan;
  const widths = plan.sources.map((s) => s.architecture.hidden);
  const post = target.placement === 'post';
  const whole = target.hidden === widths.reduce((a, b) => a + b, 0);
  // Without a head the last norm's gain acts on single units: with every direction kept the units stay as they are.
  const identityWhenFull = post || target.norm === 'rms' || target.head === 'none';
  const balanced = plan.basis === 'balanced' && !(whole && identityWhenFull);
  const residual = await residualBasis(la, moment, widths, target.hidden, {
    mode,
    hyperplane: target.norm === 'layer' && !post,
    identityWhenFull,
    ...(balanced ? { readers: await readerMoment(input, control) } : {}),
  });
  const expand = await la.cast(residual.expand, 'float32');
  const eye = new Float32Array(target.hidden ** 2);
  for (let i = 0; i < target.hidden; i++) eye[i * target.hidden + i] = 1;
  const fold = await la.gemm(expand, la.upload(eye, target.hidden, target.hidden), { transA: true });
  return { residual, expand, fold };
}

/** Wider than the one source: nothing to choose, so no spectrum. */
async function grown(la: LinearAlgebra, plan: TransformerPlan) {
  const { expand, fold } = await residualFrame(la, plan);
  const residual: ResidualBasis = { expand, spectrum: new Float64Array(0), retained: 1 };
  return { residual, expand: await la.cast(expand, 'float32'), fold: await la.cast(fold, 'float32') };
}

const selected = ({ groups, units, transform, pooler }: Survey): Selections => ({ groups, units, transform, pooler });
