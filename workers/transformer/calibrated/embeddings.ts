import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { type Control, checkCancelled } from '../control.js';
import { batchesOf, positionIds, type Tokens } from '../forward/batch.js';
import { normalise } from '../forward/norm.js';
import type { SlotModel } from '../model.js';
import type { MemorySlots } from '../slots.js';
import { type JointSources, sideBySide, targetStream } from './joint.js';
import type { Survey } from './survey.js';

/** Rows of a vocabulary-sized table worked on at a time. */
const CHUNK_ROWS = 8192;
/** method.md, section 6: the tables settle long before. */
const ALTERNATIONS = 30;
/** Weight of the rule for unseen entries, in tokens: an entry seen a hundred times owes it 1 %. */
const PRIOR_TOKENS = 0.25;

export interface EmbeddingFit {
  la: LinearAlgebra;
  plan: TransformerPlan;
  joint: JointSources;
  survey: Survey;
  /** E, [r, D] float32. */
  expand: Matrix;
  slots: MemorySlots;
}

/** Word (and position, type) tables of the result; method.md, section 6, step 2. */
export async function fitEmbeddings(fit: EmbeddingFit, tokens: Tokens, control: Control): Promise<void> {
  const { plan, slots } = fit;
  if (plan.target.positionOffset === null) {
    slots.put('word', null, 'weight', await rotaryTable(fit), plan.target.vocabulary, plan.target.hidden);
    return;
  }
  const linear = await linearTables(fit);
  await alternate(fit, tokens, linear, control);
}

/** Pre-norm without positions: each source's row normalised by itself, scaled like the target streams, times Eᵀ. */
async function rotaryTable({ la, plan, joint, survey, expand }: EmbeddingFit): Promise<Float32Array> {
  const { vocabulary, hidden, norm } = plan.target;
  const out = new Float32Array(vocabulary * hidden);
  const tables = await Promise.all(joint.models.map(async (m) => la.download(await m.table('word'))));
  for (let from = 0; from < vocabulary; from += CHUNK_ROWS) {
    const to = Math.min(from + CHUNK_ROWS, vocabulary);
    const steps = tables.map((table, i) => {
      const { architecture: a } = joint.models[i];
      return normalise(table.subarray(from * a.hidden, to * a.hidden), a.hidden, norm, a.epsilon);
    });
    const unit = la.upload(
      sideBySide(
        steps.map((s) => s.unit),
        joint.widths,
        to - from,
      ),
      to - from,
      joint.total,
    );
    const product = await la.gemm(unit, expand, { transB: true });
    const size = new Float64Array(to - from);
    steps.forEach((step, i) => {
      for (let t = 0; t < size.length; t++) size[t] += (step.size[t] * survey.scale[i]) / steps.length;
    });
    await la.scaleRows(product, size);
    out.set(await la.download(product), from * hidden);
    la.dispose(product);
    la.dispose(unit);
  }
  return out;
}

interface Tables {
  word: Float32Array;
  position: Float32Array;
}

/**
 * Tables for entries calibration never shows: stream 0 with its norm replaced by the mean one, so that it is linear in
 * word and position. The mean position goes to the words; types enter as differences to type 0.
 */
async function linearTables({ la, plan, joint, survey, expand, slots }: EmbeddingFit): Promise<Tables> {
  const { target } = plan;
  const size = survey.firstSize.reduce((sum, s, i) => sum + s * survey.scale[i], 0) / joint.models.length;
  const factor = survey.firstSize.map((s) => (target.placement === 'post' ? 1 : size) / s);
  const offset = target.positionOffset!;
  const mapped = async (rows: number, row: (model: number, r: number) => Float32Array) => {
    const out = new Float32Array(rows * target.hidden);
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, rows - from);
      const parts = joint.models.map((m, i) => {
        const part = new Float32Array(count * m.architecture.hidden);
        for (let r = 0; r < count; r++) part.set(centred(row(i, from + r), factor[i]), r * m.architecture.hidden);
        return part;
      });
      const x = la.upload(sideBySide(parts, joint.widths, count), count, joint.total);
      const y = await la.gemm(x, expand, { transB: true });
      out.set(await la.download(y), from * target.hidden);
      la.dispose(x);
      la.dispose(y);
    }
    return out;
  };
  const load = (slot: 'word' | 'position' | 'type') =>
    Promise.all(joint.models.map(async (m: SlotModel) => la.download(await m.table(slot))));
  const [words, positions] = [await load('word'), await load('position')];
  const types = target.types > 0 ? await load('type') : null;
  const at = (tables: ArrayLike<number>[], i: number, r: number) =>
    (tables[i] as Float32Array).subarray(r * joint.widths[i], (r + 1) * joint.widths[i]);
  const means = positions.map((table, i) => meanRow(table as Float32Array, joint.widths[i], offset));
  if (types)
    slots.put(
      'type',
      null,
      'weight',
      await mapped(target.types, (i, r) => at(types, i, r).map((v, j) => v - types[i][j])),
      target.types,
      target.hidden,
    );
  return {
    word: await mapped(target.vocabulary, (i, r) =>
      at(words, i, r).map((v, j) => v + means[i][j] + (types ? types[i][j] : 0)),
    ),
    position: await mapped(target.positions, (i, r) => at(positions, i, r).map((v, j) => v - means[i][j])),
  };
}

function centred(row: Float32Array, factor: number): Float32Array {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  return row.map((value) => (value - mean) * factor);
}

function meanRow(table: Float32Array, width: number, from: number): Float32Array {
  const out = new Float32Array(width);
  const rows = table.length / width;
  for (let r = from; r < rows; r++) for (let j = 0; j < width; j++) out[j] += table[r * width + j] / (rows - from);
  return out;
}

/** Sums of a target over the tokens that share an entry. */
class EntrySums {
  /** entry → row of `sums`. */
  readonly index = new Map<number, number>();
  readonly counts: number[] = [];
  sums = new Float64Array(0);
  private readonly width: number;
  constructor(width: number, ids: Int32Array) {
    this.width = width;
    for (const id of ids) if (!this.index.has(id)) this.index.set(id, this.index.size);
    this.counts = new Array(this.index.size).fill(0);
    this.sums = new Float64Array(this.index.size * width);
  }
  add(id: number, target: Float32Array, from: number): void {
    const row = this.index.get(id)!;
    this.counts[row]++;
    for (let j = 0; j < this.width; j++) this.sums[row * this.width + j] += target[from + j];
  }
}

/** Alternating least squares: word[w] + position[p] ≈ T_0, from sums over entries only. */
async function alternate(
  { la, plan, joint, survey, expand, slots }: EmbeddingFit,
  tokens: Tokens,
  prior: Tables,
  { signal }: Control,
): Promise<void> {
  const { target } = plan;
  const r = target.hidden;
  const places = positionIds(tokens, target);
  const [words, positions] = [new EntrySums(r, tokens.ids), new EntrySums(r, places)];
  const pairs = new Map<number, number>();
  for (const batch of batchesOf(tokens)) {
    checkCancelled(signal);
    const step = await joint.at(la, 0, batch);
    const t0 = await targetStream(la, expand, step, survey.scale, target.placement === 'post');
    const start = batch.first * batch.length;
    for (let i = 0; i < batch.ids.length; i++) {
      if (batch.attention && !batch.attention[i]) continue;
      words.add(batch.ids[i], t0, i * r);
      positions.add(places[start + i], t0, i * r);
      const key = words.index.get(batch.ids[i])! * positions.index.size + positions.index.get(places[start + i])!;
      pairs.set(key, (pairs.get(key) ?? 0) + 1);
    }
  }
  const links = [...pairs].map(([key, count]) => ({
    word: Math.floor(key / positions.index.size),
    position: key % positions.index.size,
    count,
  }));
  const word = start(words, prior.word, r);
  const position = start(positions, prior.position, r);
  const wordPrior = word.slice();
  const positionPrior = position.slice();
  for (let round = 0; round < ALTERNATIONS; round++) {
    solveSide(words, word, wordPrior, position, links, (l) => [l.word, l.position], r);
    solveSide(positions, position, positionPrior, word, links, (l) => [l.position, l.word], r);
  }
  for (const [id, row] of words.index) prior.word.set(word.subarray(row * r, (row + 1) * r), id * r);
  for (const [id, row] of positions.index) prior.position.set(position.subarray(row * r, (row + 1) * r), id * r);
  slots.put('word', null, 'weight', prior.word, target.vocabulary, r);
  slots.put('position', null, 'weight', prior.position, target.positions, r);
}

function start(entries: EntrySums, prior: Float32Array, width: number): Float64Array {
  const out = new Float64Array(entries.sums.length);
  for (const [id, row] of entries.index) out.set(prior.subarray(id * width, (id + 1) * width), row * width);
  return out;
}

/** own[e] = (Σ T − Σ other + τ·prior) / (count + τ), over the tokens of entry e. */
function solveSide<L extends { count: number }>(
  own: EntrySums,
  values: Float64Array,
  prior: Float64Array,
  other: Float64Array,
  links: readonly L[],
  ends: (link: L) => [number, number],
  width: number,
): void {
  for (let i = 0; i < values.length; i++) values[i] = own.sums[i] + PRIOR_TOKENS * prior[i];
  for (const link of links) {
    const [mine, theirs] = ends(link);
    for (let j = 0; j < width; j++) values[mine * width + j] -= link.count * other[theirs * width + j];
  }
  for (let e = 0; e < own.counts.length; e++)
    for (let j = 0; j < width; j++) values[e * width + j] /= own.counts[e] + PRIOR_TOKENS;
}
