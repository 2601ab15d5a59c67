import { mkdir } from 'node:fs/promises';
import type { Slot } from '../../../src/families/description.js';
import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { type Control, checkCancelled } from '../control.js';
import { type Batch, batchesOf, squaredDistance, type Tokens } from '../forward/batch.js';
import { affine, normalise } from '../forward/norm.js';
import { advance, applyLinear, embed, sublayerHidden } from '../forward/run.js';
import { joinNorms, mappedNorm } from '../mapped-norm.js';
import { type Linear, normSlot, SlotModel } from '../model.js';
import { type Fold, type ReaderSource, stackReaders } from '../readers.js';
import { residualBasis } from '../residual.js';
import { asRows, type Kept } from '../selection.js';
import { MemorySlots } from '../slots.js';
import { TokenFile } from '../spill.js';
import { fitEmbeddings } from './embeddings.js';
import type { Fitting } from './fitting.js';
import { ridgeFold } from './fold.js';
import { fitHead } from './head.js';
import { JointSources, type JointStep, sideBySide, targetStream } from './joint.js';
import { RidgeFit } from './ridge.js';
import { type Survey, survey } from './survey.js';
import { plainWriter, postNormWriter } from './writer.js';

/** What a calibrated merge leaves: the result's tensors, and the bases they were made with. */
export interface CalibratedResult {
  slots: MemorySlots;
  /** E, [r, D] float64. */
  expand: Matrix;
  /** F at every norm, [D, r] float32. */
  folds: Matrix[];
  spectrum: Float64Array;
  retained: number;
  groups: Kept[];
  units: Kept[];
  transform: Kept;
  pooler: Kept;
  /** Scale of each source in the joint stream. */
  scale: number[];
  /** ‖x_k − T_k‖ / ‖T_k‖ of the normed streams on the calibration tokens, per norm. */
  streamError: number[];
}

/**
 * Calibrated merge, front to back (method.md, section 6). Two passes over the tokens per sublayer (three for post-norm),
 * after one survey of the sources: pass A fits the readers at norm k, pass B runs both sides through sublayer k and fits
 * its writer. Streams are kept on disk, Grams in float64; memory does not depend on the number of tokens.
 */
export async function fitCalibrated(
  plan: TransformerPlan,
  sources: readonly SlotModel[],
  la: LinearAlgebra,
  workDir: string,
  tokens: Tokens,
  control: Control = {},
): Promise<CalibratedResult> {
  await mkdir(workDir, { recursive: true });
  const joint = await JointSources.open(sources, workDir);
  const stream = await TokenFile.create(workDir, 'result', plan.target.hidden);
  try {
    const found = await survey(la, plan, joint, tokens, control);
    const basis = await residualBasis(la, found.moment, joint.widths, plan.target.hidden, {
      mode: plan.mode,
      hyperplane: plan.target.norm === 'layer',
      identityWhenFull: false,
    });
    const slots = new MemorySlots(la);
    const model = new SlotModel(plan.target, slots, la, 'float32');
    const expand = await la.cast(basis.expand, 'float32');
    const kappa = Math.sqrt((joint.total * basis.retained) / plan.target.hidden);
    const fitting = { la, plan, control, tokens, joint, found, expand, kappa, slots, model, stream };
    await fitEmbeddings({ la, plan, joint, survey: found, expand, slots }, tokens, control);
    const { folds, streamError } = await frontToBack(fitting, workDir);
    const { groups, units, transform, pooler, scale } = found;
    return { ...basis, slots, folds, groups, units, transform, pooler, scale, streamError };
  } finally {
    await joint.close();
    await stream.remove();
  }
}

async function frontToBack(f: Fitting, workDir: string): Promise<{ folds: Matrix[]; streamError: number[] }> {
  const last = 2 * f.plan.target.layers;
  const folds: Matrix[] = [];
  const streamError: number[] = [];
  let pending: { linear: Linear; hidden: TokenFile } | undefined;
  for (let k = 0; k <= last; k++) {
    await putNorm(f, k);
    const { fit, error } = await readerPass(f, k, pending);
    await pending?.hidden.remove();
    streamError.push(error);
    const withBias = await ridgeFold(f.la, fit, f.joint.total, true);
    const without = await ridgeFold(f.la, fit, f.joint.total, false);
    fit.dispose();
    folds.push(without.matrix);
    if (k === last) {
      await fitHead(f, withBias, without);
      break;
    }
    await putReaders(f, k, withBias, without);
    pending = await writerPass(f, k, workDir);
    f.control.onProgress?.({ phase: 'fold', completed: k + 1, total: last + 1 });
  }
  return { folds, streamError };
}

/** Pass A at norm k: finish stream k of the result, then regress the sources' unit streams on its normed form. */
async function readerPass(
  f: Fitting,
  k: number,
  pending: { linear: Linear; hidden: TokenFile } | undefined,
): Promise<{ fit: RidgeFit; error: number }> {
  const { la, plan, joint, tokens } = f;
  const { hidden: r, norm, epsilon } = plan.target;
  const fit = new RidgeFit(la, r, joint.total + 1);
  let [wrong, whole] = [0, 0];
  for (const batch of batchesOf(tokens)) {
    checkCancelled(f.control.signal);
    const count = batch.ids.length;
    const first = batch.first * batch.length;
    let stream = k === 0 ? await embed(la, f.model, batch) : await f.stream.read(first, count);
    if (pending) {
      const carry = plan.target.placement === 'pre' ? stream : normalise(stream, r, norm, epsilon).unit;
      const u = la.upload(await pending.hidden.read(first, count), count, pending.hidden.width);
      const written = await applyLinear(la, u, pending.linear);
      const added = await la.download(written);
      stream = carry.map((value, i) => value + added[i]) as Float32Array;
      la.dispose(u);
      la.dispose(written);
    }
    await f.stream.write(first, stream);
    const at = await joint.at(la, k, batch);
    const { unit } = normalise(stream, r, norm, epsilon);
    const ones = new Float32Array(count).fill(1);
    const normed = affine(unit, r, await f.model.norm(k));
    await fit.add(normed, sideBySide([at.unit, ones], [joint.total, 1], count), batch.attention);
    const goal = normalise(await targetStream(la, f.expand, at, f.found.scale, true), r, norm, 0).unit;
    const off = squaredDistance(unit, goal, r, batch.attention);
    wrong += off.wrong;
    whole += off.whole;
  }
  return { fit, error: Math.sqrt(wrong / whole) };
}

/** Pass B at sublayer k: the sources move on to stream k + 1, whose target the result's writer is fitted to. */
async function writerPass(f: Fitting, k: number, workDir: string) {
  const { la, plan, joint, tokens } = f;
  const { hidden: r, norm, epsilon, placement } = plan.target;
  const post = placement === 'post';
  const weights = await f.model.readers(k);
  const width = writerWidth(plan, k);
  const hidden = await TokenFile.create(workDir, `hidden-${k}`, width);
  const fit = new RidgeFit(la, width, post ? 2 * r : r);
  const carried = async (batch: Batch) => {
    const stream = await f.stream.read(batch.first * batch.length, batch.ids.length);
    return { stream, unit: normalise(stream, r, norm, epsilon).unit };
  };
  for (const batch of batchesOf(tokens)) {
    checkCancelled(f.control.signal);
    const { stream, unit } = await carried(batch);
    const u = await sublayerHidden(la, plan.target, k, weights, batch, la.upload(unit, batch.ids.length, r));
    const values = await la.download(u);
    await hidden.write(batch.first * batch.length, values);
    const goal = await targetStream(la, f.expand, await moveSources(f, k, batch), f.found.scale, post);
    const target = post ? sideBySide([goal, unit], [r, r], batch.ids.length) : goal.map((v, i) => v - stream[i]);
    await fit.add(values, target, batch.attention);
    la.dispose(u);
  }
  for (const model of joint.models) await model.release(k);
  const intercept = hasBias(plan, writerSlot(k), k >> 1);
  const linear = post
    ? (
        await postNormWriter(
          la,
          fit,
          r,
          intercept,
          tokens,
          {
            batch: async (batch) => ({
              hidden: await hidden.read(batch.first * batch.length, batch.ids.length),
              target: await targetStream(la, f.expand, await joint.at(la, k + 1, batch as Batch), f.found.scale, true),
              carry: (await carried(batch as Batch)).unit as Float32Array,
            }),
          },
          f.control,
        )
      ).linear
    : await plainWriter(la, fit, r, intercept);
  fit.dispose();
  putLinear(f, writerSlot(k), k >> 1, await la.download(linear.weight), linear.bias, width);
  return { linear: (await f.model.sublayer(k)).writer, hidden };
}

/** Advance every source by sublayer k on one batch. */
async function moveSources(f: Fitting, k: number, batch: Batch): Promise<JointStep> {
  const at = await f.joint.at(f.la, k, batch);
  const streams = [];
  for (const [i, model] of f.joint.models.entries()) {
    const next = await advance(f.la, model, batch, at.steps[i]);
    f.la.dispose(next.hidden);
    streams.push(next.stream);
  }
  await f.joint.store(batch, streams);
  return f.joint.at(f.la, k + 1, batch);
}

const writerSlot = (k: number): Slot => (k % 2 === 0 ? 'o' : 'down');
const writerWidth = ({ target }: TransformerPlan, k: number) =>
  k % 2 === 0 ? target.heads * target.headDim : target.ffn;

export const hasBias = (plan: TransformerPlan, slot: Slot, layer: number | null): boolean =>
  plan.tensors.some((t) => t.part === 'bias' && t.layer === layer && t.slots?.includes(slot));

function putLinear(
  f: Pick<Fitting, 'slots' | 'plan'>,
  slot: Slot,
  layer: number | null,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
  inputs: number,
): void {
  f.slots.put(slot, layer, 'weight', weight as Float32Array, weight.length / inputs, inputs);
  if (bias && hasBias(f.plan, slot, layer)) f.slots.vector(slot, layer, 'bias', Float32Array.from(bias));
}

/** The result's norms have no gains of their own: everything is in the maps. Without a head the last one has. */
async function putNorm(f: Fitting, k: number): Promise<void> {
  const { target } = f.plan;
  const { slot, layer } = normSlot(target, k);
  const r = target.hidden;
  const output = target.head === 'none' && k === 2 * target.layers;
  const { gain, bias } = output
    ? await outputNorm(f, k)
    : { gain: new Float32Array(r).fill(1), bias: new Float32Array(r) };
  f.slots.vector(slot, layer, 'weight', gain);
  if (target.norm === 'layer') f.slots.vector(slot, layer, 'bias', bias);
}

/** The last norm of a model without a head, whose output is the model's. */
async function outputNorm({ la, joint, expand, kappa }: Fitting, k: number) {
  const norms = await Promise.all(joint.models.map((model) => model.norm(k)));
  return mappedNorm(la, expand, kappa, joinNorms(norms, joint.widths), 0);
}

const READERS: Slot[][] = [
  ['q', 'k', 'v'],
  ['gate', 'up'],
];

async function putReaders(f: Fitting, k: number, withBias: Fold, without: Fold): Promise<void> {
  const { la, plan, joint, found } = f;
  const layer = k >> 1;
  for (const slot of READERS[k % 2]) {
    const parts: ReaderSource[] = [];
    let start = 0;
    for (const [i, model] of joint.models.entries()) {
      const weights = await model.readers(k);
      const linear = (weights as unknown as Record<string, ReaderSource['linear'] | null>)[slot];
      if (!linear) break;
      parts.push({ linear, norm: await model.norm(k), rows: keptRows(f, slot, layer, found, i), start });
      start += joint.widths[i];
    }
    if (parts.length === 0) continue;
    const folded = await stackReaders(la, parts, hasBias(plan, slot, layer) ? withBias : without);
    f.slots.keep(slot, layer, 'weight', folded.weight);
    if (hasBias(plan, slot, layer)) f.slots.vector(slot, layer, 'bias', folded.bias);
  }
}

function keptRows(f: Fitting, slot: Slot, layer: number, found: Survey, source: number): number[] {
  const { headDim, heads, kvHeads } = f.plan.target;
  if (slot === 'gate' || slot === 'up') return found.units[layer][source];
  return asRows(found.groups[layer][source], slot === 'q' ? headDim * (heads / kvHeads) : headDim);
}
