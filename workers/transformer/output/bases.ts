import path from 'node:path';
import { encodeFloats } from '../../../src/safetensors/dtype.js';
import { SafetensorsWriter, type TensorSpec, type WrittenFile } from '../../../src/safetensors/writer.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Kept } from '../selection.js';

/** What further tensors would need to be merged the same way. */
export interface StoredBases {
  expand: Matrix;
  /** One fold for all norms (closed form), or one per norm (calibrated). */
  folds: readonly Matrix[];
  groups: readonly Kept[];
  units: readonly Kept[];
}

/**
 * `bases.safetensors`: residual.expand [r, D], residual.fold[.k] [D, r] float32; layer.l.groups.i and layer.l.units.i,
 * the kv groups and FFN units kept of source i, int32.
 */
export async function writeBases(la: LinearAlgebra, bases: StoredBases, directory: string): Promise<WrittenFile> {
  const entries = new Map<string, { spec: TensorSpec; bytes: () => Promise<Uint8Array> }>();
  const matrix = (name: string, m: Matrix) => {
    entries.set(name, {
      spec: { name, dtype: 'F32', shape: [m.rows, m.cols] },
      bytes: async () => encodeFloats(await la.download(m), 'F32'),
    });
  };
  matrix('residual.expand', bases.expand);
  bases.folds.forEach((fold, k) => {
    matrix(bases.folds.length === 1 ? 'residual.fold' : `residual.fold.${k}`, fold);
  });
  const indices = (what: string, all: readonly Kept[]) => {
    all.forEach((kept, layer) => {
      kept.forEach((list, source) => {
        const name = `layer.${layer}.${what}.${source}`;
        const bytes = async () => new Uint8Array(Int32Array.from(list).buffer);
        entries.set(name, { spec: { name, dtype: 'I32', shape: [list.length] }, bytes });
      });
    });
  };
  indices('groups', bases.groups);
  indices('units', bases.units);
  const list = [...entries.values()];
  const writer = await SafetensorsWriter.create(
    path.join(directory, 'bases.safetensors'),
    list.map((entry) => entry.spec),
  );
  try {
    for (const { spec, bytes } of list) if (spec.shape.every((n) => n > 0)) await writer.write(await bytes());
    return await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
