import { decodeFloats, encodeFloats } from '../../src/safetensors/dtype.js';
import { SafetensorsFile } from '../../src/safetensors/file.js';
import { writeSafetensors } from '../../src/safetensors/write-file.js';
import type { SafetensorsWriter, TensorSpec, WrittenFile } from '../../src/safetensors/writer.js';
import type { Basis, BasisBlock, BasisOrigin } from '../bases/basis.js';
import type { LinearAlgebra } from '../linalg/contract.js';

/** Tensors of one basis as a file holds them, with their bytes. */
export interface StoredTensor extends TensorSpec {
  bytes: () => Promise<Uint8Array>;
}

/** What a block's tensors do not say, kept in the file's metadata under `basis.<space>`. */
interface BlockHeader {
  sources: number[];
  span: [number, number];
}

const blockName = (space: string, block: number, part: 'expand' | 'fold' | 'units' | 'sigma') =>
  `${space}.${block}.${part}`;

/**
 * E and F of a space, block by block: `<space>.<b>.expand` [live, span], `.fold` [span, units], `.units` I32 [units]
 * (positions in the new space; the first `live` are rows of expand, the rest padding with zero rows of E).
 */
function basisTensors(la: LinearAlgebra, basis: Basis): StoredTensor[] {
  return basis.blocks.flatMap(({ expand, fold, units, sigma }, b) => {
    const dtype = expand.precision === 'float64' ? 'F64' : 'F32';
    const matrix = (part: 'expand' | 'fold', m: typeof expand): StoredTensor => ({
      name: blockName(basis.space, b, part),
      dtype,
      shape: [m.rows, m.cols],
      bytes: async () => encodeFloats(await la.download(m), dtype),
    });
    return [
      matrix('expand', expand),
      matrix('fold', fold),
      {
        name: blockName(basis.space, b, 'units'),
        dtype: 'I32',
        shape: [units.length],
        bytes: async () => new Uint8Array(units.buffer, units.byteOffset, units.byteLength),
      },
      {
        name: blockName(basis.space, b, 'sigma'),
        dtype: 'F64',
        shape: [sigma.length],
        bytes: async () => encodeFloats(sigma, 'F64'),
      },
    ];
  });
}

const originKey = (space: string) => `origin.${space}`;

const basisMetadata = (basis: Basis): Record<string, string> => ({
  [`basis.${basis.space}`]: JSON.stringify(
    basis.blocks.map(({ sources, span }): BlockHeader => ({ sources: [...sources], span: [span[0], span[1]] })),
  ),
  [originKey(basis.space)]: JSON.stringify(basis.about),
});

export async function writeBasis(path: string, la: LinearAlgebra, basis: Basis): Promise<WrittenFile> {
  const tensors = basisTensors(la, basis);
  const write = async (writer: SafetensorsWriter) => {
    for (const tensor of tensors) await writer.write(await tensor.bytes());
  };
  return writeSafetensors(path, tensors, write, { metadata: basisMetadata(basis), sync: false });
}

/** Read a basis back into the backend's memory. */
export async function readBasis(path: string, la: LinearAlgebra, space: string): Promise<Basis> {
  const file = await SafetensorsFile.open(path);
  try {
    const headers = JSON.parse(file.header.metadata.get(`basis.${space}`) ?? '[]') as BlockHeader[];
    const blocks: BasisBlock[] = [];
    for (const [b, { sources, span }] of headers.entries()) {
      const matrix = async (part: 'expand' | 'fold') => {
        const info = file.tensor(blockName(space, b, part));
        const precision = info.dtype === 'F64' ? 'float64' : 'float32';
        return la.upload(
          decodeFloats(await file.bytes(info), info.dtype as 'F64' | 'F32', precision),
          info.shape[0],
          info.shape[1],
        );
      };
      const bytes = await file.bytes(file.tensor(blockName(space, b, 'units')));
      blocks.push({
        sources,
        span,
        units: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4),
        expand: await matrix('expand'),
        fold: await matrix('fold'),
        sigma: (await file.floats(blockName(space, b, 'sigma'), 'float64')) as Float64Array,
      });
    }
    return { space, blocks, about: JSON.parse(file.header.metadata.get(originKey(space)) ?? '') as BasisOrigin };
  } finally {
    await file.close();
  }
}

/** Which units each block of a stored basis drives; reads headers and indices only. */
export async function readUnits(path: string, space: string): Promise<{ sources: number[]; live: Int32Array }[]> {
  const file = await SafetensorsFile.open(path);
  try {
    const headers = JSON.parse(file.header.metadata.get(`basis.${space}`) ?? '[]') as BlockHeader[];
    return await Promise.all(
      headers.map(async ({ sources }, b) => {
        const bytes = await file.bytes(file.tensor(blockName(space, b, 'units')));
        const units = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
        return { sources, live: units.subarray(0, file.tensor(blockName(space, b, 'expand')).shape[0]) };
      }),
    );
  } finally {
    await file.close();
  }
}
