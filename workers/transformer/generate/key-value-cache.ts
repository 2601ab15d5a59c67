import { visible } from '../../../src/families/attention-window.js';
import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { activate, gated } from '../forward/activations.js';
import { affine, normalise } from '../forward/norm.js';
import { rotate, turning } from '../forward/rotary.js';
import { applyLinear, logitsOf } from '../forward/run.js';
import type { Model } from '../model.js';

/** Keys and values of every layer for the places so far, [rows, length, kvHeads·headDim]. */
export class KeyValueCache {
  private readonly la: LinearAlgebra;
  private readonly model: Model;
  private readonly rows: number;
  private readonly length: number;
  private readonly keys: Float32Array[];
  private readonly values: Float32Array[];

  constructor(la: LinearAlgebra, model: Model, rows: number, length: number) {
    const { layers, kvHeads, headDim } = model.architecture;
    this.la = la;
    this.model = model;
    this.rows = rows;
    this.length = length;
    const table = () => Array.from({ length: layers }, () => new Float32Array(rows * length * kvHeads * headDim));
    this.keys = table();
    this.values = table();
  }

  /** Logits [rows, vocabulary] after reading `ids` at `place`. */
  async step(ids: Int32Array, place: number): Promise<Matrix> {
    const { la, model } = this;
    const { architecture: a } = model;
    let stream = await this.embedAt(ids, place);
    for (let k = 0; k < 2 * a.layers; k++) {
      const { unit } = normalise(stream, a.hidden, a.norm, a.epsilon);
      const normed = affine(unit, a.hidden, await model.norm(k));
      const input = la.upload(normed, this.rows, a.hidden);
      const weights = await model.sublayer(k);
      const hidden =
        weights.kind === 'attention'
          ? await this.attend(k >> 1, place, input, weights)
          : await this.units(input, weights);
      const written = await applyLinear(la, hidden, weights.writer);
      const added = await la.download(written);
      const carry = a.placement === 'pre' ? stream : normed;
      stream = carry.map((value, i) => value + added[i]) as Float32Array;
      la.dispose(hidden);
      la.dispose(written);
    }
    const { unit } = normalise(stream, a.hidden, a.norm, a.epsilon);
    return (await logitsOf(la, model, affine(unit, a.hidden, await model.norm(2 * a.layers))))!;
  }

  private async embedAt(ids: Int32Array, place: number): Promise<FloatArray> {
    const { hidden, positionOffset } = this.model.architecture;
    const word = await this.la.download(await this.model.table('word'));
    const position = positionOffset === null ? null : await this.la.download(await this.model.table('position'));
    const out = new Float32Array(ids.length * hidden);
    for (let r = 0; r < ids.length; r++)
      for (let j = 0; j < hidden; j++)
        out[r * hidden + j] =
          word[ids[r] * hidden + j] + (position ? position[(place + positionOffset!) * hidden + j] : 0);
    return out;
  }

  private async units(
    input: Matrix,
    weights: Extract<Awaited<ReturnType<Model['readers']>>, { kind: 'ffn' }>,
  ): Promise<Matrix> {
    const { la } = this;
    const { activation } = this.model.architecture;
    const up = await applyLinear(la, input, weights.up);
    const raised = await la.download(up);
    const opened = weights.gate ? await applyLinear(la, input, weights.gate) : null;
    const values = opened ? gated(await la.download(opened), raised, activation) : activate(raised, activation);
    return la.upload(values, up.rows, up.cols);
  }

  private async attend(
    layer: number,
    place: number,
    input: Matrix,
    weights: Extract<Awaited<ReturnType<Model['readers']>>, { kind: 'attention' }>,
  ): Promise<Matrix> {
    const { la } = this;
    const { architecture: a } = this.model;
    const { heads, kvHeads, headDim } = a;
    const turn = a.rotary && turning(a.rotary, headDim, place + 1);
    const project = async (linear: typeof weights.q, turned: boolean) => {
      const y = await applyLinear(la, input, linear);
      const values = await la.download(y);
      return turned && turn ? rotate(values, y.cols, turn, () => place) : values;
    };
    const [q, k, v] = [await project(weights.q, true), await project(weights.k, true), await project(weights.v, false)];
    const width = kvHeads * headDim;
    for (let r = 0; r < this.rows; r++) {
      const at = (r * this.length + place) * width;
      this.keys[layer].set(k.subarray(r * width, (r + 1) * width), at);
      this.values[layer].set(v.subarray(r * width, (r + 1) * width), at);
    }
    const [from] = visible(a, layer, place, place + 1);
    const out = new Float32Array(this.rows * heads * headDim);
    for (let r = 0; r < this.rows; r++) for (let h = 0; h < heads; h++) this.one(layer, r, h, from, place, q, out);
    return la.upload(out, this.rows, heads * headDim);
  }

  /** One query against the cached places [from, place]. */
  private one(layer: number, row: number, head: number, from: number, place: number, q: FloatArray, out: Float32Array) {
    const { heads, kvHeads, headDim } = this.model.architecture;
    const width = kvHeads * headDim;
    const column = Math.floor((head * kvHeads) / heads) * headDim;
    const query = row * heads * headDim + head * headDim;
    const [keys, values] = [this.keys[layer], this.values[layer]];
    const scores = new Float64Array(place + 1 - from);
    let top = Number.NEGATIVE_INFINITY;
    for (let p = from; p <= place; p++) {
      const key = (row * this.length + p) * width + column;
      let dot = 0;
      for (let j = 0; j < headDim; j++) dot += q[query + j] * keys[key + j];
      scores[p - from] = dot / Math.sqrt(headDim);
      top = Math.max(top, scores[p - from]);
    }
    let sum = 0;
    for (let i = 0; i < scores.length; i++) {
      scores[i] = Math.exp(scores[i] - top);
      sum += scores[i];
    }
    for (let p = from; p <= place; p++) {
      const value = (row * this.length + p) * width + column;
      const share = scores[p - from] / sum;
      for (let j = 0; j < headDim; j++) out[query + j] += share * values[value + j];
    }
  }
}
