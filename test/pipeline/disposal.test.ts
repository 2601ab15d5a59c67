import { expect, it } from 'vitest';
import { CpuBackend } from '../../workers/linalg/cpu/backend.js';
import { owning } from '../../workers/linalg/owning.js';
import { type NamedTensor, randomChain, randomValues } from '../support/checkpoint.js';
import { temporaryFolder } from '../support/temporary.js';
import { merge } from './harness.js';

const root = temporaryFolder();
it.each(['weight', 'balanced'] as const)('a merge by basis %s gives back every matrix it made', async (basis) => {
  const { la, held } = owning(new CpuBackend(1));
  const layers = [
    { weight: 'layers.0.weight', width: 7 },
    { weight: 'layers.1.weight', width: 5 },
    { weight: 'layers.2.weight' },
  ];
  const sources = [1, 2].map((seed) => randomChain([6, 5, 4, 3], seed));
  await merge(root, sources, { model: { family: 'chain', layers }, method: { basis } }, { backend: la });
  expect(held.size).toBe(0);
});

it.each(['zero', 'orthonormal'] as const)('so does a merge of embeddings, padding %s', async (padding) => {
  const { la, held } = owning(new CpuBackend(1));
  const table = (seed: number): NamedTensor[] => [{ name: 'e', shape: [30, 8], values: randomValues(240, seed) }];
  const model = { family: 'embedding' as const, tensor: 'e', width: 12 };
  await merge(root, [table(1), table(2)], { model, method: { padding } }, { backend: la });
  expect(held.size).toBe(0);
});

it('so does a merge whose outputs are compared on a probe', async () => {
  const { la, held } = owning(new CpuBackend(1));
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
  expect(held.size).toBe(0);
});
