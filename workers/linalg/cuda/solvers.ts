import { DataError } from '../../../src/errors.js';
import type { Precision } from '../contract.js';
import { BYTES, type Device } from './device.js';
import type { CudaMatrix } from './matrix.js';
import { EIG_VALUES, EIG_VECTORS, FILL_LOWER, OP_N, OP_T, REAL_32F, REAL_64F } from './prototypes.js';

const typeOf = (precision: Precision) => (precision === 'float64' ? REAL_64F : REAL_32F);
const vector = (length: number, precision: Precision) =>
  precision === 'float64' ? new Float64Array(length) : new Float32Array(length);
const scalar = (value: number, precision: Precision) => vector(1, precision).fill(value);
const code = (letter: string) => letter.charCodeAt(0);

/** A solver of cuSOLVER's 64-bit interface: asked for its workspaces, then run; `info` as LAPACK's. */
function solve(
  device: Device,
  name: 'Xsyevd' | 'Xgeqrf' | 'Xpotrf' | 'Xgesvd',
  args: readonly unknown[],
  prepare: () => void = () => {},
): Promise<number> {
  return device.alone(() => solveAlone(device, name, args, prepare));
}

async function solveAlone(
  device: Device,
  name: Parameters<typeof solve>[1],
  args: readonly unknown[],
  prepare: () => void,
): Promise<number> {
  const { cusolver, parameters } = device;
  const [onDevice, onHost] = [new BigUint64Array(1), new BigUint64Array(1)];
  const head = [cusolver, parameters, ...args];
  const query = device.libraries.cusolver[`cusolverDn${name}_bufferSize`];
  device.check(query(...head, onDevice, onHost), `cusolverDn${name}_bufferSize`);
  const [deviceBytes, hostBytes] = [Number(onDevice[0]), Number(onHost[0])];
  const host = Buffer.alloc(Math.max(8, hostBytes));
  return device.withScratch([deviceBytes, 4], async (work, info) => {
    prepare(); // with the workspace at hand: the solver will run
    const call = device.libraries.cusolver[`cusolverDn${name}`];
    await device.run(call, [...head, work, deviceBytes, host, hostBytes, info], `cusolverDn${name}`);
    return readInteger(device, info);
  });
}

async function readInteger(device: Device, pointer: number): Promise<number> {
  const value = new Float32Array(1);
  await device.toHost({ pointer, pitch: 4 }, { pointer: value, pitch: 4 }, 4, 1);
  return new Int32Array(value.buffer)[0];
}

async function readVector(device: Device, pointer: number, length: number, precision: Precision) {
  const values = vector(length, precision);
  const pitch = length * BYTES[precision];
  await device.toHost({ pointer, pitch }, { pointer: values, pitch }, pitch, 1);
  return Float64Array.from(values);
}

/**
 * Eigenvalues, descending; `a` becomes the eigenvectors as rows. The solver's order is ascending and its vectors are
 * columns of a column-major matrix: rows of this one. It is given −A, so that nothing has to be turned round.
 */
export async function syevd(device: Device, a: CudaMatrix, vectors: boolean): Promise<Float64Array> {
  const { precision, rows: n } = a;
  return device.withScratch([n * BYTES[precision]], async (values) => {
    const type = typeOf(precision);
    const job = vectors ? EIG_VECTORS : EIG_VALUES;
    const args = [job, FILL_LOWER, n, type, a.pointer, a.ld, type, values, type];
    const info = await solve(device, 'Xsyevd', args, () => scale(device, a, -1));
    const result = (await readVector(device, values, n, precision)).map((value) => (value === 0 ? 0 : -value));
    if (info !== 0 || result.some(Number.isNaN))
      throw new DataError('eigensolver_failed', `The eigensolver did not converge on a ${n} × ${n} matrix.`);
    return result;
  });
}

/** a ← α·a */
function scale(device: Device, a: CudaMatrix, alpha: number): void {
  const { geam } = device.libraries.cublas[a.precision];
  const [factor, zero] = [scalar(alpha, a.precision), scalar(0, a.precision)];
  const place = [a.pointer, a.ld];
  device.check(
    geam(device.cublas, OP_N, OP_N, a.cols, a.rows, factor, ...place, zero, ...place, ...place),
    'cublas geam',
  );
}

/** to (cols × rows) ← fromᵀ */
export function transpose(device: Device, from: CudaMatrix, to: CudaMatrix): void {
  const { geam } = device.libraries.cublas[from.precision];
  const [one, zero] = [scalar(1, from.precision), scalar(0, from.precision)];
  device.check(
    geam(
      device.cublas,
      OP_T,
      OP_N,
      from.rows,
      from.cols,
      one,
      from.pointer,
      from.ld,
      zero,
      to.pointer,
      to.ld,
      to.pointer,
      to.ld,
    ),
    'cublas geam',
  );
}

/**
 * QR of aᵀ, which is how `a` (k × m, row-major) lies for the library: the first `count` columns of Q become rows of `a`,
 * which has room for them (count ≥ k rows); only its first k rows hold data.
 * @throws WeightfoldError `device_memory_exhausted`; `a` is as it was then
 */
export async function orthonormalRows(device: Device, a: CudaMatrix, k: number): Promise<void> {
  const { precision, cols: m, rows: count } = a;
  const type = typeOf(precision);
  const { orgqr, orgqr_bufferSize } = device.libraries.cusolver[precision];
  await device.withScratch([Math.max(1, k) * BYTES[precision], 4], async (tau, info) => {
    const shape = [device.cusolver, m, count, k, a.pointer, a.ld, tau];
    const size = new Int32Array(1);
    await device.alone(async () => device.check(orgqr_bufferSize(...shape, size), 'cusolverDn orgqr_bufferSize'));
    // Both workspaces are taken before the first solver overwrites `a`.
    await device.withScratch([size[0] * BYTES[precision]], async (work) => {
      await solve(device, 'Xgeqrf', [m, k, type, a.pointer, a.ld, type, tau, type]);
      await device.alone(async () => {
        await device.run(orgqr, [...shape, work, size[0], info], 'cusolverDn orgqr');
        await device.synchronize();
      });
    });
  });
}

/** Cholesky factor of a symmetric matrix in the triangle the library calls lower. */
export async function potrf(device: Device, a: CudaMatrix): Promise<void> {
  const type = typeOf(a.precision);
  const info = await solve(device, 'Xpotrf', [FILL_LOWER, a.rows, type, a.pointer, a.ld, type]);
  if (info !== 0)
    throw new DataError(
      'not_positive_definite',
      `A ${a.rows} × ${a.rows} system is not positive definite (leading minor ${info}).`,
    );
}

/**
 * Thin SVD of a tall column-major matrix, m × n with m ≥ n: that is `a` (n × m, row-major), destroyed.
 * Row j of `u` (n × m) becomes its j-th left vector; column j of `vt` (n × n, row-major) its j-th right one.
 */
export async function gesvd(device: Device, a: CudaMatrix, u: CudaMatrix, vt: CudaMatrix): Promise<Float64Array> {
  const { precision, cols: m, rows: n } = a;
  const type = typeOf(precision);
  return device.withScratch([n * BYTES[precision]], async (values) => {
    const jobs = [code('S'), code('S')];
    const info = await solve(device, 'Xgesvd', [
      ...jobs,
      m,
      n,
      type,
      a.pointer,
      a.ld,
      type,
      values,
      type,
      u.pointer,
      u.ld,
      type,
      vt.pointer,
      vt.ld,
      type,
    ]);
    const result = await readVector(device, values, n, precision);
    if (info !== 0 || result.some(Number.isNaN))
      throw new DataError('eigensolver_failed', `The decomposition of a ${n} × ${m} matrix did not converge.`);
    return result;
  });
}
