import type { LinearPlan, SpacePlan } from '../../src/schemas/plan.js';
import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import { transposed } from '../linalg/transposed.js';
import type { TensorReader } from '../pipeline/sources.js';
import { offsetsOf } from './basis.js';
import type { BasisInput } from './basis-input.js';
import { groupsOf, spanOf } from './block.js';
import { inputShared, writerOf } from './bound.js';

/** The spaces of a chain whose bases are computed, first to last. */
export const hiddenSpaces = ({ spaces }: LinearPlan): SpacePlan[] => spaces.filter(({ reduced }) => reduced);

/**
 * R of every hidden space, last to first: RᵀR = QᵀQ for the map Q from the space to the outputs, per group, float64.
 *
 * Q = W_last ⋯ W_{l+1}, side by side and weighted where the outputs are shared. Only QᵀQ matters to a basis, so after
 * each product a tall R is cut to square by QR (R ← O·R, O orthonormal rows), never by way of RᵀR, which would square
 * its conditioning. 2·q·d_l·d_{l−1} + 6·q·d² flops per layer and source. The factors are disposed when the next are asked
 * for.
 */
export async function* downstreamFactors(
  la: LinearAlgebra,
  reader: TensorReader,
  plan: LinearPlan,
): AsyncGenerator<{ space: SpacePlan; factors: Matrix[] }> {
  const spaces = hiddenSpaces(plan);
  const last = plan.tensors.filter(({ role }) => role === 'weight').at(-1);
  const output = plan.spaces.at(-1);
  if (!last || !output) throw new Error('A chain has a last layer.');
  let behind: Matrix[] | null = null;
  for (const space of [...spaces].reverse()) {
    const factors: Matrix[] = [];
    for (const [g, sources] of groupsOf(space).entries()) {
      const next = behind?.[g] ?? null;
      const tensor = next ? writerOf(plan, spaces[spaces.indexOf(space) + 1]) : last;
      const rowsOf = (i: number) => tensor.sources[i].shape[0];
      const shared = !next && output.kind === 'shared';
      const heights = offsetsOf(sources.map(rowsOf));
      const height = next ? next.rows : shared ? rowsOf(sources[0]) : heights[sources.length];
      const [from, to] = spanOf(space, sources);
      const r = la.zeros(height, to - from, 'float64');
      const columns = offsetsOf(sources.map((i) => space.source_widths[i]));
      for (const [position, i] of sources.entries()) {
        const w = await reader.matrix(tensor.sources[i], 'float64');
        const [c0, c1] = [columns[position], columns[position + 1]];
        if (next)
          await la.gemm(la.view(next, 0, next.rows, heights[position], heights[position + 1]), w, {
            out: la.view(r, 0, height, c0, c1),
          });
        else if (shared) await la.axpy(plan.source_weights[i], w, la.view(r, 0, height, c0, c1));
        else await la.copy(w, la.view(r, heights[position], heights[position + 1], c0, c1));
        la.dispose(w);
      }
      factors.push(await squared(la, r));
    }
    yield { space, factors };
    behind?.forEach((m) => {
      la.dispose(m);
    });
    behind = factors;
  }
  behind?.forEach((m) => {
    la.dispose(m);
  });
}

/** A tall matrix cut to square, the same up to an orthonormal map from the left; `r` is used up. */
async function squared(la: LinearAlgebra, r: Matrix): Promise<Matrix> {
  if (r.rows <= r.cols) return r;
  const columns = la.upload(transposed(await la.download(r), r.rows, r.cols), r.cols, r.rows);
  const o = await la.orthonormalize(columns);
  const cut = await la.gemm(o, r);
  for (const m of [o, r]) la.dispose(m);
  return cut;
}

/** The linear part of what reaches a space, per group: L (width × k) with L·Lᵀ its second moment, and Φ's last row. */
export interface Reach {
  linear: Matrix;
  /** Row of Φ that carries the constant one (1 × k); null where inputs are isotropic. */
  one: Matrix | null;
}

/** L of each group of `space`: its writer applied to what reaches the space before, or to the inputs. */
export async function reachOf(input: BasisInput): Promise<Reach[]> {
  const { la, plan, space, earlier } = input;
  const spaces = hiddenSpaces(plan);
  const before = spaces[spaces.findIndex(({ name }) => name === space.name) - 1];
  const phi = await earlier.inputs();
  const reached: Reach[] = [];
  const behind = before ? await earlier.reach(before.name) : null;
  for (const [g, sources] of groupsOf(space).entries()) {
    const linear = behind
      ? await through(input, sources, behind[g])
      : await fromInputs(input, sources, phi && la.view(phi, 0, phi.rows - 1, 0, phi.cols));
    const one = phi && la.view(phi, phi.rows - 1, phi.rows, 0, phi.cols);
    // With the constant's row beside it the columns of L mean something; without, they are free to turn.
    reached.push({ linear: one ? linear : await narrowed(la, linear), one });
  }
  behind?.forEach((m) => {
    la.dispose(m);
  });
  return reached;
}

/** Writer rows of each source times the rows of T that the source wrote. */
async function through({ la, reader, plan, space }: BasisInput, sources: number[], t: Matrix): Promise<Matrix> {
  const writer = writerOf(plan, space);
  const rows = offsetsOf(sources.map((i) => space.source_widths[i]));
  const inner = offsetsOf(sources.map((i) => writer.sources[i].shape[1]));
  const out = la.zeros(rows[sources.length], t.cols, 'float64');
  for (const [position, i] of sources.entries()) {
    const w = await reader.matrix(writer.sources[i], 'float64');
    await la.gemm(w, la.view(t, inner[position], inner[position + 1], 0, t.cols), {
      out: la.view(out, rows[position], rows[position + 1], 0, t.cols),
    });
    la.dispose(w);
  }
  return out;
}

async function fromInputs(
  { la, reader, plan, space }: BasisInput,
  sources: number[],
  phi: Matrix | null,
): Promise<Matrix> {
  const writer = writerOf(plan, space);
  const shared = inputShared(plan, writer);
  const widths = writer.sources.map(({ shape }) => shape[1]);
  const all = offsetsOf(widths);
  const own = offsetsOf(sources.map((i) => widths[i]));
  const rows = offsetsOf(sources.map((i) => space.source_widths[i]));
  const out = la.zeros(
    rows[sources.length],
    phi ? phi.cols : shared ? widths[sources[0]] : own[sources.length],
    'float64',
  );
  for (const [position, i] of sources.entries()) {
    const w = await reader.matrix(writer.sources[i], 'float64');
    const [r0, r1] = [rows[position], rows[position + 1]];
    if (phi) {
      const at = shared ? 0 : all[i];
      await la.gemm(w, la.view(phi, at, at + w.cols, 0, phi.cols), { out: la.view(out, r0, r1, 0, phi.cols) });
    } else {
      const at = shared ? 0 : own[position];
      await la.copy(w, la.view(out, r0, r1, at, at + w.cols));
    }
    la.dispose(w);
  }
  return out;
}

/** A wide matrix cut to square, the same up to an orthonormal map from the right; `l` is used up. */
async function narrowed(la: LinearAlgebra, l: Matrix): Promise<Matrix> {
  if (l.cols <= l.rows) return l;
  const q = await la.orthonormalize(await la.cast(l, 'float64'));
  const cut = await la.gemm(l, q, { transB: true });
  for (const m of [q, l]) la.dispose(m);
  return cut;
}

/** [L | c], or L + c·oneᵀ where the inputs' second moment says how often the one occurs; a new matrix. */
export async function withConstant(la: LinearAlgebra, { linear, one }: Reach, constant: Float64Array): Promise<Matrix> {
  const column = la.upload(constant.slice(), constant.length, 1);
  if (one) {
    const sum = await la.cast(linear, 'float64');
    return la.gemm(column, one, { beta: 1, out: sum });
  }
  const wide = la.zeros(linear.rows, linear.cols + 1, 'float64');
  await la.copy(linear, la.view(wide, 0, linear.rows, 0, linear.cols));
  await la.copy(column, la.view(wide, 0, linear.rows, linear.cols, wide.cols));
  return wide;
}
