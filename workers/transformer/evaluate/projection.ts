import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { transposed } from '../../linalg/transposed.js';
import { hyperplane } from '../residual.js';

/**
 * I − F·E of an orthonormal basis, applied from whichever side is smaller: G·Gᵀ of the complement where fewer directions
 * are lost than kept, else I − Eᵀ·E. Products in float32: 2·min(r, D − r) flops per entry and side.
 */
export class Projection {
  readonly total: number;
  private readonly la: LinearAlgebra;
  /** Orthonormal rows of the smaller of the two subspaces. */
  private readonly rows: Matrix;
  private readonly lost: boolean;

  private constructor(la: LinearAlgebra, rows: Matrix, lost: boolean) {
    this.la = la;
    this.rows = rows;
    this.lost = lost;
    this.total = rows.cols;
  }

  /** @param inHyperplane whether E's rows lie in the hyperplane that LayerNorm leaves: one direction fewer than rows. */
  static async of(la: LinearAlgebra, expand: Matrix, inHyperplane: boolean): Promise<Projection> {
    const turn = inHyperplane ? await la.cast(await hyperplane(la, expand.rows), 'float32') : null;
    const kept = turn ? await la.gemm(turn, expand) : await la.cast(expand, 'float32');
    const count = kept.cols - kept.rows;
    if (count > kept.rows) return new Projection(la, kept, false);
    const columns = await la.complement(kept, count);
    const rows = la.upload(transposed(await la.download(columns), kept.cols, count), count, kept.cols);
    for (const m of [columns, kept]) la.dispose(m);
    return new Projection(la, rows, true);
  }

  /** x·(I − F·E) for rows x, [n, D]. */
  async rowsOff(x: Matrix): Promise<Matrix> {
    const inside = await this.la.gemm(x, this.rows, { transB: true });
    const out = this.lost ? undefined : await this.la.cast(x, x.precision);
    const off = await this.la.gemm(inside, this.rows, out ? { alpha: -1, beta: 1, out } : {});
    this.la.dispose(inside);
    return off;
  }

  /** Coordinates of a block of rows [from, from + w.rows) of a tall matrix in the smaller subspace. */
  inside(w: Matrix, from: number): Promise<Matrix> {
    return this.la.gemm(this.la.view(this.rows, 0, this.rows.rows, from, from + w.rows), w);
  }

  /** Rows [at, at + width) of (I − F·E)·W, W being `own` on those rows, or zero there. */
  async columnsOff(inside: Matrix, at: number, width: number, own: Matrix | null): Promise<Matrix> {
    const { la, rows } = this;
    const part = la.view(rows, 0, rows.rows, at, at + width);
    if (this.lost) return la.gemm(part, inside, { transA: true });
    if (!own) return la.gemm(part, inside, { transA: true, alpha: -1 });
    return la.gemm(part, inside, { transA: true, alpha: -1, beta: 1, out: await la.cast(own, own.precision) });
  }

  dispose(): void {
    this.la.dispose(this.rows);
  }
}
