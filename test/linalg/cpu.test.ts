import { expect, it } from 'vitest';
import { CpuBackend } from '../../workers/linalg/cpu/backend.js';
import { betterCore } from '../../workers/linalg/cpu/openblas-core.js';
import { ReferenceBackend } from '../../workers/linalg/reference/backend.js';
import { linearAlgebraSuite } from './suite.js';

linearAlgebraSuite('plain TypeScript', () => new ReferenceBackend());
linearAlgebraSuite('BLAS and LAPACK', () => new CpuBackend());

it('picks the kernel the CPU deserves', () => {
  const avx512 = new Set(['avx2', 'fma', 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl']);
  expect(betterCore('Prescott', avx512)).toBe('SkylakeX');
  expect(betterCore('Cooperlake', avx512)).toBeNull();
  expect(betterCore('Prescott', new Set(['avx2', 'fma']))).toBe('Haswell');
  expect(betterCore('Zen', new Set(['avx2', 'fma']))).toBeNull();
  expect(betterCore('Prescott', new Set(['sse3']))).toBeNull();
});
