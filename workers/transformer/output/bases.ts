import path from 'node:path';
import { CheckpointReader } from '../../../src/checkpoints/reader.js';
import { encodeFloats } from '../../../src/safetensors/dtype.js';
import { writeSafetensors } from '../../../src/safetensors/write-file.js';
import type { TensorSpec, WrittenFile } from '../../../src/safetensors/writer.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Kept } from '../selection.js';

/** What further tensors would need to be merged the same way. */
export interface StoredBases {
  expand: Matrix;
  /** One fold for all norms (closed form), or one per norm (calibrated). */
  folds: readonly Matrix[];
  groups: readonly Kept[];
  units: readonly Kept[];
  /** Empty where the model has none. */
  transform: Kept;
  pooler: Kept;
}

/**
 * `bases.safetensors`: residual.expand [r, D], residual.fold[.k] [D, r] float32; layer.l.groups.i and layer.l.units.i,
 * the kv groups and FFN units kept of source i, int32; transform.i and pooler.i likewise. Of a source that grew, an index
 * stands once per copy, and −1 for a unit without weights.
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
  const index = (name: string, list: readonly number[]) => {
    const bytes = async () => new Uint8Array(Int32Array.from(list).buffer);
    entries.set(name, { spec: { name, dtype: 'I32', shape: [list.length] }, bytes });
  };
  const indices = (what: string, all: readonly Kept[]) => {
    all.forEach((kept, layer) => {
      kept.forEach((list, source) => {
        index(`layer.${layer}.${what}.${source}`, list);
      });
    });
  };
  indices('groups', bases.groups);
  indices('units', bases.units);
  const rows = (what: string, kept: Kept) => {
    kept.forEach((list, source) => {
      index(`${what}.${source}`, list);
    });
  };
  rows('transform', bases.transform);
  rows('pooler', bases.pooler);
  const list = [...entries.values()];
  const specs = list.map(({ spec }) => spec);
  return writeSafetensors(path.join(directory, 'bases.safetensors'), specs, async (writer) => {
    for (const { spec, bytes } of list) if (spec.shape.every((n) => n > 0)) await writer.write(await bytes());
  });
}

/** Bases as `writeBases` left them. */
export async function readBases(
  la: LinearAlgebra,
  directory: string,
  sources: number,
  layers: number,
): Promise<Omit<StoredBases, 'folds'> & { fold: Matrix | null }> {
  const reader = await CheckpointReader.open(path.join(directory, 'bases.safetensors'));
  try {
    const [r, d] = reader.tensors.get('residual.expand')!.shape;
    const expand = la.upload(await reader.floats('residual.expand', 'float32'), r, d);
    const single = reader.tensors.has('residual.fold');
    const fold = single ? la.upload(await reader.floats('residual.fold', 'float32'), d, r) : null;
    const index = async (name: string) => {
      const bytes = await reader.bytes(name);
      return [...new Int32Array(bytes.slice().buffer)];
    };
    const kept = (name: string): Promise<Kept> =>
      reader.tensors.has(`${name}.0`)
        ? Promise.all(Array.from({ length: sources }, (_, i) => index(`${name}.${i}`)))
        : Promise.resolve([]);
    const perLayer = (what: string) =>
      Promise.all(Array.from({ length: layers }, (_, layer) => kept(`layer.${layer}.${what}`)));
    return {
      expand,
      fold,
      groups: await perLayer('groups'),
      units: await perLayer('units'),
      transform: await kept('transform'),
      pooler: await kept('pooler'),
    };
  } finally {
    await reader.close();
  }
}
