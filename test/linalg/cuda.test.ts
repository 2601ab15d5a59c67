import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { pieces, tileOf } from '../../workers/linalg/cuda/blocks.js';
import { DevicePool } from '../../workers/linalg/cuda/device-pool.js';
import { loadCuda } from '../../workers/linalg/cuda/library.js';
import { RUNTIME } from '../../workers/linalg/cuda/prototypes.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();

interface FakeRuntime {
  /** As the functions of the runtime report: 12060 is 12.6. */
  runtime: number;
  driver: number;
  /** What cudaGetDeviceCount returns, and counts. */
  status?: number;
  devices?: number;
}

/** Compile a CUDA runtime that answers the questions asked before anything is computed, and computes nothing. */
function fakeRuntime(folder: string, file: string, { runtime, driver, status = 0, devices = 0 }: FakeRuntime): void {
  const answers: Partial<Record<keyof typeof RUNTIME, string>> = {
    cudaRuntimeGetVersion: `{ *a = ${runtime}; return 0; }`,
    cudaDriverGetVersion: `{ *a = ${driver}; return 0; }`,
    cudaGetDeviceCount: `{ *a = ${devices}; return ${status}; }`,
  };
  const text = Object.keys(RUNTIME).map((name) => {
    const answer = answers[name as keyof typeof RUNTIME];
    if (answer) return `int ${name}(int *a) ${answer}`;
    return name === 'cudaGetErrorString'
      ? `const char *${name}(int e) { return "a reason"; }`
      : `int ${name}() { return 999; }`;
  });
  compile(folder, file, text.join('\n'));
}

function compile(folder: string, file: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  const source = path.join(folder, `${file}.c`);
  writeFileSync(source, text);
  execFileSync('gcc', ['-shared', '-fPIC', '-o', path.join(folder, file), source]);
}

const failureOf = (folder: string): string => {
  try {
    loadCuda({ folders: [folder], system: false });
  } catch (error) {
    expect(error).toMatchObject({ code: 'backend_unavailable', retryable: true });
    return (error as Error).message;
  }
  throw new Error('CUDA was loaded.');
};

describe('CUDA is refused', () => {
  it('without a runtime library, with what to install', () => {
    expect(failureOf(subfolder(root))).toMatch(
      /^The CUDA runtime was not found \(tried libcudart\.so\.13, libcudart\.so\.12, libcudart\.so\.11\.0\)\. Install CUDA 11\.8 to 13 .*CUDA_LIBRARIES/,
    );
  });

  const gcc = spawnSync('gcc', ['--version']).status === 0;
  if (!gcc) it.skip('by small real libraries that report a state: there is no gcc here to make them', () => {});
  const cases: [string, string, FakeRuntime, RegExp][] = [
    ['without a driver', 'libcudart.so.12', { runtime: 12060, driver: 0 }, /^There is no NVIDIA driver/],
    [
      'with a runtime older than 11.8',
      'libcudart.so.11.0',
      { runtime: 11040, driver: 12060 },
      /^libcudart\.so\.11\.0 is CUDA 11\.4; 11\.8 to 13 are supported\.$/,
    ],
    [
      'with a driver older than the libraries',
      'libcudart.so.13',
      { runtime: 13000, driver: 12040 },
      /driver supports CUDA 12\.4, the libraries are CUDA 13\.0: update the driver, or install CUDA 12 libraries/,
    ],
    [
      'with a driver the runtime calls insufficient',
      'libcudart.so.12',
      { runtime: 12060, driver: 12000, status: 35 },
      /^The NVIDIA driver \(CUDA 12\.0\) is too old for CUDA 12\.6\.$/,
    ],
    [
      'without a device',
      'libcudart.so.12',
      { runtime: 12060, driver: 12060, status: 100 },
      /^There is no CUDA device with the number COMPUTE_DEVICE=/,
    ],
    [
      'with no device visible',
      'libcudart.so.12',
      { runtime: 12060, driver: 12060, devices: 0 },
      /^There is no CUDA device with the number COMPUTE_DEVICE=/,
    ],
    [
      'with a driver that does not start',
      'libcudart.so.12',
      { runtime: 12060, driver: 12060, status: 3 },
      /^The CUDA driver does not start: a reason \(error 3\)\.$/,
    ],
    [
      'without cuBLAS of the same release',
      'libcudart.so.12',
      { runtime: 12060, driver: 12060, devices: 1 },
      /^CUDA 12\.6 is there, but libcublas\.so\.12 cannot be loaded; it was not found\.$/,
    ],
  ];
  it.runIf(gcc).each(cases)('%s', (_, file, state, message) => {
    const folder = subfolder(root);
    fakeRuntime(folder, file, state);
    expect(failureOf(folder)).toMatch(message);
  });

  it.runIf(gcc)('with a library that lacks a function, or is none', () => {
    const folder = subfolder(root);
    fakeRuntime(folder, 'libcudart.so.12', { runtime: 12060, driver: 12060, devices: 1 });
    writeFileSync(path.join(folder, 'libcublas.so.12'), 'no library');
    expect(failureOf(folder)).toMatch(/^CUDA 12\.6 is there, but libcublas\.so\.12 cannot be loaded: .+/);
    const other = subfolder(root);
    fakeRuntime(other, 'libcudart.so.12', { runtime: 12060, driver: 12060, devices: 1 });
    for (const file of ['libcublas.so.12', 'libcusolver.so.11']) compile(other, file, 'int nothing;');
    expect(failureOf(other)).toMatch(/^libcublas\.so\.12 lacks a function that is needed: .*cublasCreate_v2/);
  });

  it.runIf(gcc)('only after every release that is here was tried, with each one’s reason', () => {
    const folder = subfolder(root);
    fakeRuntime(folder, 'libcudart.so.13', { runtime: 13000, driver: 12060 });
    fakeRuntime(folder, 'libcudart.so.12', { runtime: 12060, driver: 12060, devices: 1 });
    expect(failureOf(folder)).toMatch(/^The NVIDIA driver supports CUDA 12\.6.* CUDA 12\.6 is there, but libcublas/);
  });
});

describe('device memory', () => {
  const GRAIN = 64 * 1024;
  /** A pool over a device that has `bytes`; addresses count up and are never real. */
  function poolOver(bytes: number, limit: number) {
    const sizes = new Map<number, number>();
    let [next, left] = [GRAIN, bytes];
    const pool = new DevicePool(limit, {
      allocate: (size) => {
        if (size > left) return null;
        left -= size;
        next += size;
        sizes.set(next, size);
        return next;
      },
      release: ({ pointer }) => {
        left += sizes.get(pointer) as number;
        sizes.delete(pointer);
      },
      mark: () => {},
    });
    return { pool, held: () => bytes - left };
  }

  it('is used again, and never passes the limit', () => {
    const { pool, held } = poolOver(100 * GRAIN, 10 * GRAIN);
    const first = pool.take(4 * GRAIN);
    const second = pool.take(4 * GRAIN);
    if (!first || !second) throw new Error('There was room.');
    expect(pool.take(4 * GRAIN)).toBeNull();
    expect(pool.available).toBe(2 * GRAIN);
    pool.give(first);
    expect(pool.take(4 * GRAIN - 1)?.pointer).toBe(first.pointer);
    pool.give(second);
    expect(pool.take(6 * GRAIN)).not.toBeNull(); // what is idle goes back to the device first
    expect(held()).toBe(10 * GRAIN);
  });

  it('leaves a share to workspaces', () => {
    const { pool } = poolOver(100 * GRAIN, 10 * GRAIN);
    expect(pool.take(8 * GRAIN, 0.3)).toBeNull();
    expect(pool.take(7 * GRAIN, 0.3)).not.toBeNull();
    expect(pool.take(GRAIN, 0.3)).toBeNull();
    expect(pool.take(3 * GRAIN)).not.toBeNull();
  });

  it('that the device refuses is not an error: idle blocks are given up, then null', () => {
    const { pool } = poolOver(4 * GRAIN, 100 * GRAIN);
    const block = pool.take(3 * GRAIN);
    if (!block) throw new Error('There was room.');
    pool.give(block);
    expect(pool.take(4 * GRAIN)).not.toBeNull();
    expect(pool.take(GRAIN)).toBeNull();
  });

  it('too small for a product: blocks that fit, the longest side cut first', () => {
    const whole = { m: 4096, n: 1024, k: 2048 };
    expect(tileOf(whole, 4, 1e9)).toEqual(whole);
    const tile = tileOf(whole, 4, 1e7);
    expect((tile.m * tile.k + tile.k * tile.n + tile.m * tile.n) * 4).toBeLessThanOrEqual(1e7);
    expect(Math.max(tile.m, tile.n, tile.k) / Math.min(tile.m, tile.n, tile.k)).toBeLessThanOrEqual(2);
    expect([...pieces(10, 4)]).toEqual([
      [0, 4],
      [4, 8],
      [8, 10],
    ]);
  });
});
