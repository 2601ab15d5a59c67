import { DataError } from '../../src/errors.js';
import { encodeFloats } from '../../src/safetensors/dtype.js';
import { asMatrixShape } from '../../src/safetensors/file.js';
import { writeSafetensors } from '../../src/safetensors/write-file.js';
import type { Method } from '../../src/schemas/method.js';
import type { LinearPlan } from '../../src/schemas/plan.js';
import { chunkRows } from '../bases/problem.js';
import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import { transposed } from '../linalg/transposed.js';
import { readIntegers } from '../transformer/index.js';
import type { StepContext } from './context.js';
import { writeMatrices } from './matrix-files.js';
import { firstNonFinite } from './sources.js';

export const CALIBRATION_FILE = 'inputs.safetensors';
export const SHARES = 'shares';

/** Eigenvalues of a second moment below this share of the largest are rounding. */
const RANK_TOLERANCE = 1e-14;

export const hasCalibration = (plan: LinearPlan) => plan.steps.some(({ id }) => id === 'inputs');

/** What the calibration data says of the inputs: Φ for a chain, how often each row is used for a table. */
export async function calibrationStep(context: StepContext): Promise<void> {
  const { steps, plan } = context;
  const file = steps.target(CALIBRATION_FILE);
  const written = plan.family === 'embedding' ? await rowShares(context, file) : await inputFactor(context, file);
  await steps.finish('inputs', { [CALIBRATION_FILE]: written });
}

/**
 * Φ (n + 1 × k) with Φ·Φᵀ = X̃ᵀ·X̃/rows for rows X̃ = [X, 1]: the rows themselves where there are no more of them than
 * inputs, else the root of their Gram matrix, streamed in float64.
 */
async function inputFactor({ la, spec, openCalibration }: StepContext, target: string) {
  const { checkpoint, tensor } = await opened(spec.method.calibration, openCalibration);
  try {
    const [rows, columns] = asMatrixShape(checkpoint.tensors.get(tensor)?.shape ?? []);
    const n = columns + 1;
    const read = async (from: number, to: number): Promise<Matrix> => {
      const values = new Float64Array((to - from) * columns);
      await checkpoint.floatsInto(tensor, values, { rows: [from, to] });
      const bad = firstNonFinite(values);
      if (bad >= 0)
        throw new DataError(
          'calibration_not_finite',
          `Calibration tensor "${tensor}" holds ${values[bad]} at index [${from + Math.floor(bad / columns)}, ${bad % columns}].`,
        );
      const wide = new Float64Array((to - from) * n).fill(1);
      for (let i = 0; i < to - from; i++) wide.set(values.subarray(i * columns, (i + 1) * columns), i * n);
      return la.upload(wide, to - from, n);
    };
    const phi = rows <= n ? await fromRows(la, await read(0, rows), rows) : await fromGram(la, read, rows, n);
    const written = await writeMatrices(target, la, [phi]);
    la.dispose(phi);
    return written;
  } finally {
    await checkpoint.close();
  }
}

/** X̃ᵀ/√rows; `x` is used up. */
async function fromRows(la: LinearAlgebra, x: Matrix, rows: number): Promise<Matrix> {
  await la.scaleRows(x, new Float64Array(rows).fill(1 / Math.sqrt(rows)));
  return turned(la, x);
}

/** V·Λ^{1/2} of X̃ᵀ·X̃/rows. */
async function fromGram(
  la: LinearAlgebra,
  read: (from: number, to: number) => Promise<Matrix>,
  rows: number,
  n: number,
): Promise<Matrix> {
  const gram = la.zeros(n, n, 'float64');
  const chunk = chunkRows(n);
  for (let from = 0; from < rows; from += chunk) {
    const x = await read(from, Math.min(from + chunk, rows));
    await la.syrk(x, { transpose: true, alpha: 1 / rows, beta: 1, out: gram });
    la.dispose(x);
  }
  const [{ values, vectors }] = await la.eigh([gram]);
  const rank = values.findIndex((value) => value <= RANK_TOLERANCE * values[0]);
  const leading = la.view(vectors, 0, rank < 0 ? n : rank, 0, n);
  await la.scaleRows(
    leading,
    values.slice(0, leading.rows).map((value) => Math.sqrt(value)),
  );
  const factor = await turned(la, leading);
  la.dispose(vectors);
  return factor;
}

async function turned(la: LinearAlgebra, a: Matrix): Promise<Matrix> {
  return la.upload(transposed((await la.download(a)) as Float64Array, a.rows, a.cols), a.cols, a.rows);
}

/** How often calibration tokens name each row of the table, as shares of all tokens. */
async function rowShares({ plan, spec, openCalibration }: StepContext, target: string) {
  const { checkpoint, tensor } = await opened(spec.method.calibration, openCalibration);
  try {
    const vocabulary = plan.tensors[0].shape[0];
    const { values, columns } = await readIntegers(checkpoint, tensor);
    const bad = values.findIndex((id) => id < 0 || id >= vocabulary);
    if (bad >= 0)
      throw new DataError(
        'tokens_invalid',
        `Calibration tensor "${tensor}" holds id ${values[bad]} at index [${Math.floor(bad / columns)}, ${bad % columns}]; the table has ${vocabulary} rows.`,
      );
    const shares = new Float64Array(vocabulary);
    for (const id of values) shares[id] += 1 / values.length;
    return await writeSafetensors(
      target,
      [{ name: SHARES, dtype: 'F64', shape: [vocabulary] }],
      (writer) => writer.write(encodeFloats(shares, 'F64')),
      { sync: false },
    );
  } finally {
    await checkpoint.close();
  }
}

async function opened(calibration: Method['calibration'], open: StepContext['openCalibration']) {
  if (!calibration || 'generate' in calibration || !open)
    throw new Error('The spec names a calibration file, but no way to open it was given.');
  return { checkpoint: await open(), tensor: calibration.tensor };
}
