import { centreColumns } from '../centre.js';
import { type Control, checkCancelled } from '../control.js';
import { activate } from '../forward/activations.js';
import { batchesOf } from '../forward/batch.js';
import { normalise } from '../forward/norm.js';
import { applyLinear, headInput } from '../forward/run.js';
import type { Norm } from '../model.js';
import { averageReaders, type Fold, type Folded, onesFold, type ReaderSource, stackReaders } from '../readers.js';
import type { Fitting } from './fitting.js';
import { ridgeFold } from './fold.js';
import { sideBySide } from './joint.js';
import { RidgeFit } from './ridge.js';

type HeadFit = Pick<Fitting, 'la' | 'plan' | 'tokens' | 'joint' | 'found' | 'slots' | 'model' | 'stream'> & {
  control: Control;
};

/** LM head, or MLM transform and decoder, and the pooler; method.md, section 6, step 5. */
export async function fitHead(f: HeadFit, withBias: Fold, without: Fold): Promise<void> {
  const { target } = f.plan;
  if (f.found.pooler.length > 0) await putPooler(f, withBias);
  if (target.head === 'none') return;
  if (target.head === 'causal') {
    const bias = f.plan.tensors.some((t) => t.part === 'bias' && t.slots?.includes('decoder'));
    const norms = await Promise.all(f.joint.models.map((m) => m.norm(2 * target.layers)));
    const constantInNorm = !bias && target.norm === 'layer';
    if (constantInNorm) f.slots.vector('final_norm', null, 'bias', new Float32Array(target.hidden).fill(1));
    const fold = bias ? withBias : constantInNorm ? onesFold(withBias, target.hidden) : without;
    putDecoder(f, await decode(f, norms, fold), bias);
    return;
  }
  await putTransform(f, withBias);
  const fold = await transformFold(f);
  const norms = await Promise.all(f.joint.models.map(async (m) => (await m.transform())!.norm));
  putDecoder(f, await decode(f, norms, fold), true);
}

/** The mean of the sources' logits, centred over the vocabulary: a constant per token changes no probability. */
async function decode(f: HeadFit, norms: readonly Norm[], fold: Fold): Promise<Folded> {
  const parts: ReaderSource[] = [];
  let start = 0;
  for (const [i, model] of f.joint.models.entries()) {
    parts.push({ linear: (await model.decoder())!, norm: norms[i], rows: null, start });
    start += f.joint.widths[i];
  }
  const folded = await averageReaders(f.la, parts, f.plan.source_weights, fold);
  await centre(f.la, folded);
  return folded;
}

async function centre(la: HeadFit['la'], { weight, bias }: Folded): Promise<void> {
  await centreColumns(la, weight);
  const level = bias.reduce((sum, value) => sum + value, 0) / bias.length;
  for (let i = 0; i < bias.length; i++) bias[i] -= level;
}

function putDecoder(f: HeadFit, folded: Folded, bias: boolean): void {
  f.slots.keep('decoder', null, 'weight', folded.weight);
  if (bias) f.slots.vector('decoder', null, 'bias', folded.bias);
}

async function headReaders(f: HeadFit, slot: 'transform' | 'pooler', fold: Fold): Promise<Folded> {
  const parts: ReaderSource[] = [];
  let start = 0;
  for (const [i, model] of f.joint.models.entries()) {
    const linear = slot === 'pooler' ? (await model.pooler())! : (await model.transform())!.dense;
    parts.push({ linear, norm: await model.norm(2 * f.plan.target.layers), rows: f.found[slot][i], start });
    start += f.joint.widths[i];
  }
  return stackReaders(f.la, parts, fold);
}

async function putPooler(f: HeadFit, fold: Fold): Promise<void> {
  const { weight, bias } = await headReaders(f, 'pooler', fold);
  f.slots.keep('pooler', null, 'weight', weight);
  f.slots.vector('pooler', null, 'bias', bias);
}

async function putTransform(f: HeadFit, fold: Fold): Promise<void> {
  const r = f.plan.target.hidden;
  const { weight, bias } = await headReaders(f, 'transform', fold);
  f.slots.keep('transform', null, 'weight', weight);
  f.slots.vector('transform', null, 'bias', bias);
  f.slots.vector('transform_norm', null, 'weight', new Float32Array(r).fill(1));
  f.slots.vector('transform_norm', null, 'bias', new Float32Array(r));
}

/** Ridge from the result's transformed stream to the sources' own, each normalised by itself. */
async function transformFold(f: HeadFit): Promise<Fold> {
  const { la, joint } = f;
  const { hidden: r, epsilon } = f.plan.target;
  const fit = new RidgeFit(la, r, joint.total + 1);
  const last = 2 * f.plan.target.layers;
  for (const batch of batchesOf(f.tokens)) {
    checkCancelled(f.control.signal);
    const count = batch.ids.length;
    const stream = await f.stream.read(batch.first * batch.length, count);
    const mine = await headInput(la, f.model, normalise(stream, r, 'layer', epsilon).unit);
    const { steps } = await joint.at(la, last, batch);
    const theirs: Float32Array[] = [];
    for (const [i, model] of joint.models.entries()) {
      const { hidden, headActivation, epsilon: own } = model.architecture;
      const dense = await applyLinear(la, la.upload(steps[i].normed, count, hidden), (await model.transform())!.dense);
      theirs.push(
        normalise(activate(await la.download(dense), headActivation), hidden, 'layer', own).unit as Float32Array,
      );
      la.dispose(dense);
    }
    const ones = new Float32Array(count).fill(1);
    await fit.add(mine, sideBySide([...theirs, ones], [...joint.widths, 1], count), batch.attention);
  }
  const fold = await ridgeFold(la, fit, joint.total, true);
  fit.dispose();
  return fold;
}
