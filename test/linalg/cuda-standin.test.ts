import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import type { LinearAlgebra, Matrix, Precision } from '../../workers/linalg/contract.js';
import { CpuBackend } from '../../workers/linalg/cpu/backend.js';
import { CudaBackend } from '../../workers/linalg/cuda/backend.js';
import { GRAIN_BYTES } from '../../workers/linalg/cuda/device-pool.js';
import { type CudaLibraries, loadCuda } from '../../workers/linalg/cuda/library.js';
import { owning } from '../../workers/linalg/owning.js';
import { pipelineGoldens } from '../pipeline/goldens.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { buildStandin, noStandin, violationsIn } from '../support/cuda-standin.js';
import { runJob, startService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';
import { linearAlgebraSuite, seeded } from './suite.js';

const root = temporaryFolder();
if (noStandin) it.skip(`the CUDA backend on its stand-in: ${noStandin}`, () => {});
else withStandin();

/** The whole backend, on libraries that compute on the CPU and report what a card would not forgive (test/standin). */
function withStandin(): void {
  const log = path.join(root, 'violations');
  process.env.STANDIN_LOG = log;
  const libraries: CudaLibraries = loadCuda({ folders: [buildStandin(root)], system: false });
  const host = new CpuBackend(1);
  const open = (memoryLimit: number) => new CudaBackend(libraries, host, { tf32: false, memoryLimit });
  const held = ({ device: { pool } }: CudaBackend) => pool.limit - pool.available;
  const random = (n: number, seed = 1) => Float64Array.from({ length: n }, seeded(seed));
  afterAll(() => expect(violationsIn(log)).toEqual([]));

  linearAlgebraSuite('cuda on its stand-in', () => open(2 ** 30));
  for (const grains of [1, 2, 3, 5, 8, 40])
    linearAlgebraSuite(`cuda with ${grains} × 64 KiB of memory`, () => open(grains * GRAIN_BYTES));

  const la = open(2 ** 30);
  pipelineGoldens('cuda on its stand-in', root, la, { sampled: false });
  it('a merge leaves the card’s memory as it found it', () => expect(held(la)).toBe(0));

  it('and so does one that forgot to dispose of matrices', async () => {
    const la = open(2 ** 24);
    const { la: own, held: kept, release } = owning(la);
    const a = own.upload(random(600), 20, 30);
    const { u } = await own.svd(own.upload(random(600), 20, 30));
    own.dispose(u);
    own.dispose(await own.syrk(a));
    expect([kept.size, held(la) > 0]).toEqual([3, true]);
    release();
    expect([kept.size, held(la)]).toEqual([0, 0]);
  });

  describe('a failed call frees what it took', () => {
    it('receiving values that cannot be read', async () => {
      const la = open(2 ** 24);
      const unreadable = la.receive(10, 10, 'float64', () => Promise.reject(new Error('the file ended')));
      await expect(unreadable).rejects.toThrow('the file ended');
      expect(held(la)).toBe(0);
    });

    const failures: [string, (la: LinearAlgebra, a: Matrix) => Promise<unknown>][] = [
      ['gemm', (la, a) => la.gemm(a, a, { transB: true })],
      ['syrk', (la, a) => la.syrk(a)],
      ['svd', (la, a) => la.svd(a)],
      ['complement', (la, a) => la.complement(a, 3)],
      ['cast', (la, a) => la.cast(a, 'float32')],
      ['norms', (la, a) => la.norms(a)],
      ['eigh', async (la, a) => la.eigh([la.view(a, 0, 8, 0, 8)])],
      ['solvePositive', (la, a) => la.solvePositive(la.view(a, 0, 8, 0, 8), la.view(a, 0, 8, 8, 12))],
    ];
    const FAILING = ['cublasDgemm_v2', 'cublasDsyrk_v2', 'cublasDgeam', 'cuLaunchKernel', 'cublasDasum_v2'].concat(
      ['Xgesvd', 'Xgeqrf', 'Xpotrf', 'Xsyevd'].map((name) => `cusolverDn${name}`),
    );
    it.each(failures)('%s on a card that fails', async (_, call) => {
      const la = open(2 ** 24);
      const a = la.upload(random(8 * 30), 8, 30);
      const before = held(la);
      process.env.STANDIN_FAIL = FAILING.map((name) => `${name}:1:13`).join(',');
      try {
        await expect(call(la, a)).rejects.toMatchObject({ code: 'device_failed', retryable: true });
      } finally {
        delete process.env.STANDIN_FAIL;
      }
      expect(held(la)).toBe(before);
    });
  });

  it.each([3, 4, 5, 6, 7, 8])(
    'with %d × 64 KiB left every decomposition still answers, on the host',
    async (grains) => {
      const la = open(grains * GRAIN_BYTES);
      const a = la.upload(random(20 * 30), 20, 30);
      const before = held(la);
      const [expected, found] = [await host.svd(host.upload(random(600), 20, 30)), await la.svd(a)];
      for (const [k, value] of expected.values.entries()) expect(found.values[k]).toBeCloseTo(value, 10);
      la.dispose(found.u);
      la.dispose(found.v);
      const rows = la.upload(random(8 * 30), 8, 30);
      await la.orthonormalize(rows);
      const complement = await la.complement(rows, 5);
      expect((await la.norms(await la.gemm(rows, complement))).maxAbs).toBeLessThan(1e-12);
      la.dispose(complement);
      expect(held(la)).toBeLessThanOrEqual(before + 2 * GRAIN_BYTES);
    },
  );

  it('many calls at once', async () => {
    const la = open(2 ** 24);
    const one = async (i: number) => {
      const [n, m] = [20 + (i % 7) * 9, 30 + (i % 5) * 11];
      const data = random(n * m, i);
      const a = await la.receive(n, m, 'float64', async (values) => {
        await new Promise((resolve) => setImmediate(resolve));
        values.set(data);
      });
      const norms = la.norms(a);
      const gram = await la.syrk(a);
      const [{ vectors }] = await la.eigh([gram]);
      const p = await la.gemm(vectors, a);
      const q = await la.gemm(vectors, p, { transA: true });
      const back = await la.download(q);
      for (const [k, value] of data.entries()) expect(back[k]).toBeCloseTo(value, 9);
      const squares = data.reduce((sum, value) => sum + value * value, 0);
      expect((await norms).sumSquares).toBeCloseTo(squares, 9);
      for (const x of [a, gram, p, q]) la.dispose(x);
    };
    await Promise.all(Array.from({ length: 24 }, (_, i) => one(i)));
    expect(held(la)).toBe(0);
  });

  it('staged blocks reuse device memory and pinned buffers with work queued in between', async () => {
    const la = open(3 << 20);
    const out = la.zeros(64, 64, 'float64');
    const scaled = (factor: number, precision: Precision = 'float64') =>
      la.receive(64, 64, precision, async (values) => {
        values.fill(0);
        for (let k = 0; k < 64; k++) values[k * 64 + k] = factor;
      });
    for (let i = 1; i <= 40; i++) {
      const [a, b] = [await scaled(i), await scaled(2)];
      await la.gemm(a, b, { beta: 1, out });
      la.dispose(a);
      la.dispose(b);
    }
    const values = await la.download(out);
    expect([values[0], values[1]]).toEqual([2 * (40 * 41) * 0.5, 0]);
    la.dispose(out);
    expect(held(la)).toBe(0);
  });

  describe('a worker with such a card', () => {
    const start = async (fail = '') => {
      const folder = subfolder(root);
      const service = await startService(folder, {
        env: {
          COMPUTE_BACKEND: 'cuda',
          CUDA_LIBRARIES: buildStandin(root),
          LD_LIBRARY_PATH: [root, buildStandin(root)].join(':'),
          STANDIN_LOG: log,
          STANDIN_FAIL: fail,
        },
      });
      await upload(service.http, 'a', await makeCheckpoint(path.join(folder, 'source'), randomChain([40, 30, 20], 1)));
      return service;
    };
    const spec: JobSpecInput = {
      sources: [{ checkpoint: 'a' }, { checkpoint: 'a' }],
      model: { family: 'chain', layers: [{ weight: 'layers.0.weight', width: 30 }, { weight: 'layers.1.weight' }] },
      max_attempts: 2,
    };

    it('merges', async () => {
      const service = await start();
      try {
        const job = await runJob(service.http, spec);
        expect([job.status, job.error]).toEqual(['succeeded', null]);
        const { body } = await service.http.get(`/v1/jobs/${job.id}/metrics`).expect(200);
        expect(body.environment).toMatchObject({ backend: 'cuda', library: expect.stringContaining('CUDA 12.6') });
      } finally {
        await service.close();
      }
    });

    it('repeats an attempt whose card failed in another process', async () => {
      // The first weights that a process sends to its card fail, and no later ones: only another process fails again.
      const service = await start('cudaMemcpyAsync:1:719:1');
      try {
        const job = await runJob(service.http, spec);
        expect(job).toMatchObject({ status: 'failed', error: { code: 'device_failed' } });
      } finally {
        await service.close();
      }
    });
  });

  it('refuses libraries of two releases: libcusolver.so.11 belongs to CUDA 11 and to CUDA 12', () => {
    const [mixed, older] = [subfolder(root), buildStandin(root, 11)];
    mkdirSync(mixed, { recursive: true });
    const newer = buildStandin(root);
    for (const file of ['libcudart.so.12', 'libcublas.so.12', 'libcuda.so.1'])
      copyFileSync(path.join(newer, file), path.join(mixed, file));
    copyFileSync(path.join(older, 'libcusolver.so.11'), path.join(mixed, 'libcusolver.so.11'));
    expect(inOtherProcess(mixed, {})).toMatch(/libcusolver\.so\.11 is cuSOLVER 11\.4\.1, which is not CUDA 12’s/);
  });

  it('takes CUDA_VISIBLE_DEVICES="" for no card, and an unset one for all', () => {
    const folder = buildStandin(root);
    expect(inOtherProcess(folder, { CUDA_VISIBLE_DEVICES: '' })).toMatch(/There is no CUDA device/);
    expect(inOtherProcess(folder, {})).toMatch(/^opened/);
  });

  /** What a worker's process says that opens its card with these libraries. */
  function inOtherProcess(folder: string, env: Record<string, string>): string {
    const script = `
      const { CpuBackend } = await import('./dist/workers/linalg/cpu/backend.js');
      const { openCuda } = await import('./dist/workers/linalg/cuda/open.js');
      try {
        openCuda(new CpuBackend(1), { COMPUTE_DEVICE: 0, COMPUTE_TF32: false, WORKER_CONCURRENCY: 1 });
        console.log('opened');
      } catch (error) { console.log(error.message); }
      process.exit(0);`;
    const LD_LIBRARY_PATH = [root, folder].join(':');
    const { CUDA_VISIBLE_DEVICES: _, WEIGHTFOLD_VISIBLE_DEVICES: __, ...inherited } = process.env;
    return execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...inherited, LD_LIBRARY_PATH, CUDA_LIBRARIES: folder, ...env },
      encoding: 'utf8',
    });
  }
}
