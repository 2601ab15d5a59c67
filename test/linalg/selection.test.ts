import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ProbeReply } from '../../workers/probe-backend.js';

const PROBE = fileURLToPath(new URL('../../dist/workers/probe-backend.js', import.meta.url));

/** What a worker with this environment would compute with, from the program that a worker asks. */
async function probe(env: NodeJS.ProcessEnv): Promise<ProbeReply> {
  const child = fork(PROBE, { env: { ...process.env, ...env } });
  const [reply] = await once(child, 'message');
  child.kill();
  return reply;
}

const computeOf = (reply: ProbeReply) => {
  if (!('compute' in reply)) throw new Error(JSON.stringify(reply));
  return reply.compute;
};

describe('the backend of a worker', () => {
  it('auto: the fastest there is, with a reason for each that was passed over', async () => {
    const { backend, reason } = computeOf(await probe({ COMPUTE_BACKEND: 'auto' }));
    expect(reason).toMatch(/^auto: .* is the fastest that can be used/);
    if (backend === 'cpu') expect(reason).toContain('tfjs on a GPU cannot: @tensorflow/tfjs-node-gpu is');
  });

  it('auto without BLAS: tfjs on WebAssembly, float64 in plain TypeScript', async () => {
    const compute = computeOf(await probe({ COMPUTE_BACKEND: 'auto', BLAS_LIBRARY: '/nowhere/libblas.so' }));
    if (compute.device !== null) return; // a GPU comes before both
    expect(compute).toMatchObject({ backend: 'tfjs', precisions: ['float32'], host: 'plain TypeScript' });
    expect(compute.reason).toContain('cpu (BLAS and LAPACK) cannot: No BLAS with LAPACK could be loaded');
  });

  it('tfjs: WebAssembly beside BLAS where TensorFlow has no GPU', async () => {
    const compute = computeOf(await probe({ COMPUTE_BACKEND: 'tfjs' }));
    expect(compute.backend).toBe('tfjs');
    if (compute.device === null) expect(compute.library).toMatch(/WASM/);
  });

  it('cpu without BLAS: refused, with what was tried and how to install it', async () => {
    expect(await probe({ COMPUTE_BACKEND: 'cpu', BLAS_LIBRARY: '/nowhere/libblas.so' })).toMatchObject({
      error: {
        code: 'backend_unavailable',
        message: expect.stringMatching(/"cpu" is not available.*tried \/nowhere\/libblas\.so.*libopenblas0-pthread/),
      },
    });
  });
});
