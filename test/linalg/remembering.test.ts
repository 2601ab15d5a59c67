import { expect, it } from 'vitest';
import type { LinearAlgebra, Matrix } from '../../workers/linalg/contract.js';
import { PlainBackend } from '../../workers/linalg/plain/backend.js';
import { remembering } from '../../workers/linalg/remembering.js';
import { seeded } from './suite.js';

const ORDER = 6;
/** Eigenvalues and eigenvectors of one matrix, float64. */
const ENTRY_BYTES = 8 * (ORDER + ORDER ** 2);

const plain = new PlainBackend();

async function gram(seed: number): Promise<Matrix> {
  const random = seeded(seed);
  return plain.syrk(
    plain.upload(
      Float64Array.from({ length: ORDER * ORDER }, () => random()),
      ORDER,
      ORDER,
    ),
  );
}

async function solve(la: LinearAlgebra, ...seeds: number[]) {
  const solved = await la.eigh(await Promise.all(seeds.map(gram)));
  return Promise.all(solved.map(async ({ values, vectors }) => [values, await la.download(vectors)]));
}

it('answers with the same bytes, also where what it remembers has to make room for what it is asked beside it', async () => {
  const la = remembering(plain, ENTRY_BYTES);
  const [first, second] = [await solve(plain, 1), await solve(plain, 2)];
  expect(await solve(la, 1)).toEqual(first);
  expect(await solve(la, 2, 1)).toEqual([...second, ...first]);
  expect(await solve(la, 1, 2)).toEqual([...first, ...second]);
});
