import { createHash } from 'node:crypto';
import type { Eigh, FloatArray, LinearAlgebra, Matrix } from './contract.js';

/** Bytes of decompositions kept. Eigenvectors of two sources of width 4096 in float64 fill half of it. */
export const REMEMBERED_BYTES = 512 * 1024 * 1024;

interface Remembered {
  values: Float64Array;
  parts: { data: FloatArray; rows: number; cols: number }[];
  bytes: number;
}

/**
 * The same backend, which remembers its decompositions by the content of the matrix: asked for the eigenvectors of a
 * Gram it has solved, it answers with a copy of the same bytes. Hashing is O(n²) beside O(n³). For work that solves the
 * same problems again and again, as the widths of one method do; the oldest entries go first.
 */
export function remembering(la: LinearAlgebra, limit = REMEMBERED_BYTES): LinearAlgebra {
  const memory = new Memory(limit);
  const eigh: LinearAlgebra['eigh'] = async (matrices) => {
    const keys = await Promise.all(matrices.map((a) => keyOf(la, 'eigh', a)));
    // Taken now: what is remembered below may push them out.
    const known = keys.map((key) => memory.get(key));
    const open = [...matrices.keys()].filter((i) => !known[i]);
    const solved = await la.eigh(open.map((i) => matrices[i]));
    const results: Eigh[] = new Array(matrices.length);
    for (const [k, i] of open.entries()) {
      results[i] = solved[k];
      await memory.put(la, keys[i], solved[k].values, [solved[k].vectors]);
    }
    for (const [i, entry] of known.entries()) {
      if (!entry) continue;
      await refill(la, matrices[i], entry.parts[0].data);
      results[i] = { values: entry.values.slice(), vectors: matrices[i] };
    }
    return results;
  };
  const eigvalsh: LinearAlgebra['eigvalsh'] = async (a) => {
    const key = await keyOf(la, 'eigvalsh', a);
    const known = memory.get(key);
    if (known) return known.values.slice();
    const values = await la.eigvalsh(a);
    await memory.put(la, key, values, []);
    return values;
  };
  const svd: LinearAlgebra['svd'] = async (a) => {
    const key = await keyOf(la, 'svd', a);
    const known = memory.get(key);
    if (known) {
      const [u, v] = known.parts.map(({ data, rows, cols }) => la.upload(data.slice(), rows, cols));
      return { values: known.values.slice(), u, v };
    }
    const fresh = await la.svd(a);
    await memory.put(la, key, fresh.values, [fresh.u, fresh.v]);
    return fresh;
  };
  const own: Partial<LinearAlgebra> = { eigh, eigvalsh, svd };
  return new Proxy(la, {
    get(target, verb) {
      const value = Reflect.get(own, verb) ?? Reflect.get(target, verb);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

class Memory {
  private readonly entries = new Map<string, Remembered>();
  private readonly limit: number;
  private bytes = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(key: string): Remembered | undefined {
    return this.entries.get(key);
  }

  async put(la: LinearAlgebra, key: string, values: Float64Array, matrices: readonly Matrix[]): Promise<void> {
    if (this.entries.has(key)) return;
    const sizes = matrices.map(({ rows, cols, precision }) => rows * cols * (precision === 'float64' ? 8 : 4));
    const bytes = values.byteLength + sizes.reduce((sum, size) => sum + size, 0);
    if (bytes > this.limit) return;
    for (const [oldest, entry] of this.entries) {
      if (this.bytes + bytes <= this.limit) break;
      this.entries.delete(oldest);
      this.bytes -= entry.bytes;
    }
    const parts = await Promise.all(
      matrices.map(async (a) => ({ data: await la.inspect(a, (v) => v.slice()), rows: a.rows, cols: a.cols })),
    );
    this.entries.set(key, { values: values.slice(), parts, bytes });
    this.bytes += bytes;
  }
}

function keyOf(la: LinearAlgebra, verb: string, a: Matrix): Promise<string> {
  const hash = createHash('sha256').update(`${verb} ${a.rows} ${a.cols} ${a.precision} `);
  return la.inspect(a, ({ buffer, byteOffset, byteLength }) =>
    hash.update(new Uint8Array(buffer, byteOffset, byteLength)).digest('base64'),
  );
}

async function refill(la: LinearAlgebra, a: Matrix, data: FloatArray): Promise<void> {
  const source = la.upload(data, a.rows, a.cols);
  await la.copy(source, a);
  la.dispose(source);
}
