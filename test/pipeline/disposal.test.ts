import { expect, it } from 'vitest';
import type { LinearAlgebra, Matrix, Svd } from '../../workers/linalg/contract.js';
import { CpuBackend } from '../../workers/linalg/cpu/backend.js';
import { type NamedTensor, randomChain, randomValues } from '../support/checkpoint.js';
import { temporaryFolder } from '../support/temporary.js';
import { merge } from './harness.js';

const root = temporaryFolder();
const MAKERS = ['upload', 'receive', 'zeros', 'cast', 'gemm', 'syrk', 'svd', 'complement'];

/** A backend that keeps track of the matrices it made and did not get back: a device's memory is freed by nothing else. */
function counting(): { la: LinearAlgebra; live: Set<unknown> } {
  const cpu = new CpuBackend(1);
  const live = new Set<unknown>();
  const note = (made: Matrix | Svd) => {
    for (const matrix of 'u' in made ? [made.u, made.v] : [made]) live.add(matrix);
    return made;
  };
  const la = new Proxy<LinearAlgebra>(cpu, {
    get(target, verb) {
      const value = Reflect.get(target, verb);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        const made = value.apply(target, given);
        if (verb === 'dispose') live.delete(given[0]);
        const isNew = MAKERS.includes(String(verb)) && !(given.at(-1) as { out?: Matrix } | undefined)?.out;
        if (!isNew) return made;
        return made instanceof Promise ? made.then(note) : note(made);
      };
    },
  });
  return { la, live };
}

it.each(['weight', 'balanced'] as const)('a merge by basis %s gives back every matrix it made', async (basis) => {
  const { la, live } = counting();
  const layers = [
    { weight: 'layers.0.weight', width: 7 },
    { weight: 'layers.1.weight', width: 5 },
    { weight: 'layers.2.weight' },
  ];
  const sources = [1, 2].map((seed) => randomChain([6, 5, 4, 3], seed));
  await merge(root, sources, { model: { family: 'chain', layers }, method: { basis } }, { backend: la });
  expect(live.size).toBe(0);
});

it.each(['zero', 'orthonormal'] as const)('so does a merge of embeddings, padding %s', async (padding) => {
  const { la, live } = counting();
  const table = (seed: number): NamedTensor[] => [{ name: 'e', shape: [30, 8], values: randomValues(240, seed) }];
  const model = { family: 'embedding' as const, tensor: 'e', width: 12 };
  await merge(root, [table(1), table(2)], { model, method: { padding } }, { backend: la });
  expect(live.size).toBe(0);
});

it('so does a merge whose outputs are compared on a probe', async () => {
  const { la, live } = counting();
  const layers = [{ weight: 'layers.0.weight', width: 7 }, { weight: 'layers.1.weight' }];
  const probe: NamedTensor = { name: 'x', shape: [4, 12], values: randomValues(48, 3) };
  await merge(
    root,
    [1, 2].map((seed) => randomChain([6, 5, 4], seed)),
    {
      model: { family: 'chain', layers },
      probe: { checkpoint: 'probe', file: 'model.safetensors', tensor: 'x' },
    },
    { backend: la, probe },
  );
  expect(live.size).toBe(0);
});
