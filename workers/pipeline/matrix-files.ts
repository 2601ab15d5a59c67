import { decodeFloats, encodeFloats } from '../../src/safetensors/dtype.js';
import { SafetensorsFile } from '../../src/safetensors/file.js';
import { writeSafetensors } from '../../src/safetensors/write-file.js';
import type { SafetensorsWriter, WrittenFile } from '../../src/safetensors/writer.js';
import type { LinearAlgebra, Matrix } from '../linalg/contract.js';

/** Keep float64 matrices between steps, in order. */
export async function writeMatrices(
  path: string,
  la: LinearAlgebra,
  matrices: readonly Matrix[],
): Promise<WrittenFile> {
  const tensors = matrices.map(({ rows, cols }, i) => ({
    name: nameOf(i),
    dtype: 'F64' as const,
    shape: [rows, cols],
  }));
  const write = async (writer: SafetensorsWriter) => {
    for (const m of matrices) await writer.write(encodeFloats(await la.download(m), 'F64'));
  };
  return writeSafetensors(path, tensors, write, { sync: false });
}

/** The matrices of such a file, in the backend's memory. The caller disposes them. */
export async function readMatrices(path: string, la: LinearAlgebra): Promise<Matrix[]> {
  const file = await SafetensorsFile.open(path);
  try {
    const matrices: Matrix[] = [];
    for (let i = 0; i < file.header.tensors.size; i++) {
      const info = file.tensor(nameOf(i));
      const values = decodeFloats(await file.bytes(info), 'F64', 'float64');
      matrices.push(la.upload(values, info.shape[0], info.shape[1]));
    }
    return matrices;
  } finally {
    await file.close();
  }
}

/** Names sort as they are numbered, which is the order a file holds them in. */
const nameOf = (i: number) => String(i).padStart(6, '0');
