import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { encodeFloats } from '../src/safetensors/dtype.js';
import { SafetensorsFile } from '../src/safetensors/file.js';
import { writeSafetensors } from '../src/safetensors/write-file.js';
import type { Machine } from '../src/schemas/machine.js';
import type { LinearAlgebra, Matrix, Precision } from './linalg/contract.js';

/** Order of the products: large enough for a kernel's full speed, a few milliseconds each. */
const PRODUCT = 512;
/** Orders of the eigenproblems; two of them tell the square from the cubic term. */
const EIGEN = [96, 384] as const;
/** Elements of a pass, and of the file: 4 MB, past most caches. */
const ELEMENTS = 2 ** 20;
/** Each rate is measured for so long, and so often at least. */
const MEASURED_MS = 100;
const LEAST_RUNS = 3;

/**
 * Measure what time estimates are made from, in about a second. The middle of many runs, not the fastest: processors run a
 * little faster for a moment than they do for a whole merge.
 */
export async function measureMachine(la: LinearAlgebra, folder = os.tmpdir()): Promise<Machine> {
  const flops = async (precision: Precision) => {
    const [a, b, out] = [0, 1, 2].map((seed) => filled(la, PRODUCT, PRODUCT, precision, seed));
    return (2 * PRODUCT ** 3) / (await medianSeconds(() => la.gemm(a, b, { out })));
  };
  const [small, large] = [await eigenSeconds(la, EIGEN[0]), await eigenSeconds(la, EIGEN[1])];
  const [n, m] = EIGEN;
  // small = c·n³ + s·n², large = c·m³ + s·m²; a timing that denies one of the terms leaves it a little
  const cubic = Math.max((large / m ** 2 - small / n ** 2) / (m - n), (0.3 * large) / m ** 3);
  const square = Math.max(small / n ** 2 - cubic * n, (0.02 * large) / m ** 2);
  const values = new Float32Array(ELEMENTS).fill(0.5);
  const files = await fileSeconds(folder);
  return {
    float32_flops_per_s: await flops('float32'),
    float64_flops_per_s: await flops('float64'),
    eigen_cubic_s: cubic,
    eigen_square_s: square,
    elements_per_s: ELEMENTS / (await medianSeconds(async () => pass(values))),
    read_bytes_per_s: (4 * ELEMENTS) / files.read,
    write_bytes_per_s: (4 * ELEMENTS) / files.write,
  };
}

/** Seconds a run takes: the middle of several, after one that is not counted, as first calls load and compile. */
async function medianSeconds(run: () => Promise<unknown>): Promise<number> {
  await run();
  const seconds: number[] = [];
  const start = performance.now();
  while (seconds.length < LEAST_RUNS || performance.now() - start < MEASURED_MS) {
    const from = performance.now();
    await run();
    seconds.push((performance.now() - from) / 1000);
  }
  return seconds.sort((a, b) => a - b)[seconds.length >> 1];
}

/** As the passes of a forward pass are: into memory that is new each time, which takes longer than the arithmetic. */
function pass(values: Float32Array): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = values[i] * 0.5 + 1;
  return out;
}

function filled(la: LinearAlgebra, rows: number, cols: number, precision: Precision, seed: number): Matrix {
  const values = precision === 'float64' ? new Float64Array(rows * cols) : new Float32Array(rows * cols);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i * 12.9898 + seed) * 0.5;
  return la.upload(values, rows, cols);
}

async function eigenSeconds(la: LinearAlgebra, n: number): Promise<number> {
  const gram = await la.syrk(filled(la, n, n, 'float64', 4));
  return medianSeconds(async () => {
    const [{ vectors }] = await la.eigh([await la.cast(gram, 'float64')]);
    la.dispose(vectors);
  });
}

async function fileSeconds(parent: string): Promise<{ read: number; write: number }> {
  const folder = await mkdtemp(path.join(parent, 'weightfold-speed-'));
  const file = path.join(folder, 'x.safetensors');
  const values = new Float32Array(ELEMENTS).fill(0.5);
  try {
    const write = await medianSeconds(async () => {
      await writeSafetensors(file, [{ name: 'x', dtype: 'F32', shape: [ELEMENTS] }], (writer) =>
        writer.write(encodeFloats(values, 'F32')),
      );
    });
    const read = await medianSeconds(async () => {
      const opened = await SafetensorsFile.open(file);
      await opened.floats('x', 'float32');
      await opened.close();
    });
    return { read, write };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
