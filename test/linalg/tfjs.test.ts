import { expect, it } from 'vitest';
import { CpuBackend } from '../../workers/linalg/cpu/backend.js';
import { PlainBackend } from '../../workers/linalg/plain/backend.js';
import { TfjsBackend } from '../../workers/linalg/tfjs/backend.js';
import { openWasm } from '../../workers/linalg/tfjs/wasm.js';
import { linearAlgebraSuite } from './suite.js';

linearAlgebraSuite('tfjs on WebAssembly', async () => new TfjsBackend(await openWasm(), new PlainBackend()));
linearAlgebraSuite('tfjs on WebAssembly beside BLAS', async () => new TfjsBackend(await openWasm(), new CpuBackend(1)));

it('says that it computes in float32, and who computes the rest', async () => {
  const la = new TfjsBackend(await openWasm(), new PlainBackend());
  expect(la.info).toMatchObject({
    backend: 'tfjs',
    library: expect.stringMatching(/^TensorFlow\.js \d+\.\d+\.\d+ WASM/),
    precisions: ['float32'],
    device: null,
    host: 'plain TypeScript',
  });
});

it('multiplies float64 on the host, without rounding to float32', async () => {
  const la = new TfjsBackend(await openWasm(), new PlainBackend());
  const a = la.upload(Float64Array.of(1 + 2 ** -40, 1), 1, 2);
  expect((await la.download(await la.gemm(a, a, { transB: true })))[0]).toBe((1 + 2 ** -40) ** 2 + 1);
});
