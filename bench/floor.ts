import type { LinearAlgebra, Matrix, Precision } from '../workers/linalg/contract.js';
import { timed } from './jobs.js';

/**
 * The notebook job's floor: the products and eigenproblems its result and metrics cannot do without, each in its
 * cheapest structured form, on random data of the right shapes, in memory, nothing read or written.
 */
export async function notebookFloor(la: LinearAlgebra, runs: number): Promise<{ merge: number; evaluate: number }> {
  const random = (rows: number, cols: number, precision: Precision): Matrix => {
    const data = precision === 'float64' ? new Float64Array(rows * cols) : new Float32Array(rows * cols);
    for (let i = 0; i < data.length; i++) data[i] = Math.random() - 0.5;
    return la.upload(data, rows, cols);
  };
  const f32 = (rows: number, cols: number) => random(rows, cols, 'float32');
  const f64 = (rows: number, cols: number) => random(rows, cols, 'float64');
  const a0 = f64(512, 1000);
  const a1 = f64(2048, 512);
  const [w0, w1, w2] = [f32(512, 1000), f32(2048, 512), f32(1000, 2048)];
  const [e0, v] = [f32(384, 512), f64(512, 512)];
  const [e1, f1] = [f32(512, 2048), f32(2048, 1536)];
  const half = f32(512, 512);
  const times = async (list: [Matrix, Matrix, boolean?][]) => {
    for (const [x, y, transB] of list) la.dispose(await la.gemm(x, y, { transB }));
  };
  const merge = async () => {
    // Grams and eigenvectors of A0, B0 and A1, B1 (smaller sides)
    const grams = [
      await la.syrk(a0),
      await la.syrk(a0),
      await la.syrk(a1, { transpose: true }),
      await la.syrk(a1, { transpose: true }),
    ];
    for (const { vectors } of await la.eigh(grams)) la.dispose(vectors);
    for (let source = 0; source < 2; source++) {
      await times([[v, a1, true]]); // U = A1·V·Σ⁻¹
      la.dispose(await la.complement(e1, 1024)); // padding of F_1
      // W_0′ = E_0·A0, W_1′ = (E_1·A1)·F_0, W_2′ = A2·F_1
      await times([
        [e0, w0],
        [e1, w1],
        [half, e0, true],
        [w2, f1],
      ]);
    }
  };
  const m = { a21: f64(1000, 2048), a10: f64(2048, 512), w21: f64(1000, 512), w10: f64(512, 384), w00: f64(384, 1000) };
  const x = f64(32, 1000);
  const evaluate = async () => {
    for (let source = 0; source < 2; source++) {
      // reconstruction: F·(E·W) per reduced tensor
      await times([
        [e0, w0],
        [f32Transposed, f32Kept],
        [e1, w1],
        [f1Live, half],
      ]);
      // whole map: A2·A1·A0 and its merged counterpart
      await times([
        [m.a21, m.a10],
        [m.w21, a0],
        [m.w21, m.w10],
        [f64(1000, 384), m.w00],
      ]);
      await times([
        [x, a0, true],
        [f64(32, 512), a1, true],
        [f64(32, 2048), m.a21, true],
      ]);
    }
    // E·F = diag(I, 0)
    for (let source = 0; source < 2; source++) await times([[e1, f1]]);
  };
  const [f32Transposed, f32Kept, f1Live] = [f32(512, 384), f32(384, 1000), f32(2048, 512)];
  return { merge: await timed(runs, merge), evaluate: await timed(runs, evaluate) };
}
