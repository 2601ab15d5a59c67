import { existsSync } from 'node:fs';
import path from 'node:path';
import koffi from 'koffi';
import { WeightfoldError } from '../../../src/errors.js';
import type { Native } from '../cpu/library.js';
import {
  CUBLAS,
  CUBLAS_TYPED,
  CUSOLVER,
  CUSOLVER_TYPED,
  DRIVER,
  ERROR_INSUFFICIENT_DRIVER,
  ERROR_NO_DEVICE,
  RUNTIME,
} from './prototypes.js';

/** Oldest and newest CUDA the functions used are the same in; as the runtime counts: 1000·major + 10·minor. */
const OLDEST = 11_080;
const NEWEST_MAJOR = 13;

/**
 * File names by CUDA's major version, newest first. cuSOLVER has version numbers of its own, as cusolverGetVersion counts
 * them (1000·major + 100·minor + patch): CUDA 11.8 has 11.4.1, CUDA 12.0 has 11.4.2, CUDA 13.0 has 12.0.
 */
const RELEASES = [
  {
    major: 13,
    runtime: 'libcudart.so.13',
    cublas: 'libcublas.so.13',
    cusolver: 'libcusolver.so.12',
    solverVersions: [12_000, Number.POSITIVE_INFINITY],
  },
  {
    major: 12,
    runtime: 'libcudart.so.12',
    cublas: 'libcublas.so.12',
    cusolver: 'libcusolver.so.11',
    solverVersions: [11_402, 12_000],
  },
  {
    major: 11,
    runtime: 'libcudart.so.11.0',
    cublas: 'libcublas.so.11',
    cusolver: 'libcusolver.so.11',
    solverVersions: [11_000, 11_402],
  },
];
const DRIVER_FILE = 'libcuda.so.1';

type Release = (typeof RELEASES)[number];
type Functions<T> = Record<keyof T, Native>;
type Typed<T> = { float32: Functions<T>; float64: Functions<T> };

export interface CudaLibraries {
  runtime: Functions<typeof RUNTIME>;
  driver: Functions<typeof DRIVER>;
  cublas: Functions<typeof CUBLAS> & Typed<typeof CUBLAS_TYPED>;
  cusolver: Functions<typeof CUSOLVER> & Typed<typeof CUSOLVER_TYPED>;
  /** e.g. `12.6` */
  version: string;
}

const refuse = (message: string, cause?: unknown) =>
  new WeightfoldError(message, { code: 'backend_unavailable', status: 503, retryable: true, cause });

export const versionText = (version: number) => `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;

/** Where libraries are looked for. */
export interface Search {
  folders: readonly string[];
  /** Then as the system's loader does. */
  system: boolean;
}

/** CUDA_LIBRARIES, where toolkits usually are, and the system's own places. */
const usualSearch = (): Search => ({
  folders: [
    ...(process.env.CUDA_LIBRARIES ?? '').split(':'),
    ...[process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda'].flatMap((home) =>
      home ? [path.join(home, 'lib64'), path.join(home, 'lib')] : [],
    ),
  ].filter((folder) => folder !== ''),
  system: true,
});

function candidates(file: string, { folders, system }: Search): string[] {
  const found = folders.map((folder) => path.join(folder, file)).filter((name) => existsSync(name));
  return system ? [...found, file] : found;
}

/**
 * Load the driver, the CUDA runtime, cuBLAS and cuSOLVER of the newest release that is here as a whole and that the
 * driver supports.
 * @throws WeightfoldError `backend_unavailable`: no runtime, no driver, a driver too old, no device, a library missing
 */
export function loadCuda(search = usualSearch()): CudaLibraries {
  const failures: string[] = [];
  for (const release of RELEASES) {
    const library = openRuntime(release.runtime, search);
    if (!library) continue;
    try {
      return loadRelease(release, library, search);
    } catch (error) {
      if (!(error instanceof WeightfoldError)) throw error;
      failures.push(error.message);
    }
  }
  if (failures.length > 0) throw refuse([...new Set(failures)].join(' '));
  throw refuse(
    `The CUDA runtime was not found (tried ${RELEASES.map(({ runtime }) => runtime).join(', ')}). ` +
      'Install CUDA 11.8 to 13 (cudart, cuBLAS, cuSOLVER), or name its folder in CUDA_LIBRARIES.',
  );
}

function loadRelease(release: Release, library: Library, search: Search): CudaLibraries {
  const runtime = bindAll(library, RUNTIME, release.runtime);
  const version = read(runtime.cudaRuntimeGetVersion);
  if (version < OLDEST || Math.floor(version / 1000) > NEWEST_MAJOR)
    throw refuse(
      `${release.runtime} is CUDA ${versionText(version)}; ${versionText(OLDEST)} to ${NEWEST_MAJOR} are supported.`,
    );
  checkDriver(runtime, version);
  const [cublasFile, cusolverFile] = [release.cublas, release.cusolver].map((file) =>
    open(file, `CUDA ${versionText(version)} is there, but ${file}`, search),
  );
  const cublas = {
    ...bindAll(cublasFile, CUBLAS, release.cublas),
    ...bindTyped(cublasFile, CUBLAS_TYPED, release.cublas),
  };
  const cusolver = {
    ...bindAll(cusolverFile, CUSOLVER, release.cusolver),
    ...bindTyped(cusolverFile, CUSOLVER_TYPED, release.cusolver),
  };
  checkSolver(release, cusolver);
  const driver = bindAll(open(DRIVER_FILE, `The NVIDIA driver’s ${DRIVER_FILE}`, search), DRIVER, DRIVER_FILE);
  return { runtime, driver, cublas, cusolver, version: versionText(version) };
}

/** Two releases share a cuSOLVER file name: one folder can hold the libraries of both. */
function checkSolver({ major, cusolver, solverVersions: [from, below] }: Release, library: CudaLibraries['cusolver']) {
  const version = read(library.cusolverGetVersion);
  if (version >= from && version < below) return;
  const text = `${Math.floor(version / 1000)}.${Math.floor(version / 100) % 10}.${version % 100}`;
  throw refuse(
    `${cusolver} is cuSOLVER ${text}, which is not CUDA ${major}’s. Install all CUDA libraries from one release, and list its folder first in CUDA_LIBRARIES.`,
  );
}

type Library = ReturnType<typeof koffi.load>;

function openRuntime(name: string, search: Search): Library | null {
  for (const file of candidates(name, search)) {
    try {
      return koffi.load(file);
    } catch {
      // not here, or not loadable: the next place
    }
  }
  return null;
}

/** @param what the subject of the message, e.g. `CUDA 12.6 is there, but libcublas.so.12` */
function open(file: string, what: string, search: Search): Library {
  const errors: string[] = [];
  for (const candidate of candidates(file, search)) {
    try {
      return koffi.load(candidate);
    } catch (error) {
      errors.push((error as Error).message);
    }
  }
  throw refuse(`${what} cannot be loaded${errors.length > 0 ? `: ${errors.join('; ')}` : '; it was not found'}.`);
}

function checkDriver(runtime: CudaLibraries['runtime'], version: number): void {
  const driver = read(runtime.cudaDriverGetVersion);
  if (driver === 0) throw refuse('There is no NVIDIA driver (the CUDA runtime reports driver version 0).');
  if (Math.floor(driver / 1000) < Math.floor(version / 1000))
    throw refuse(
      `The NVIDIA driver supports CUDA ${versionText(driver)}, the libraries are CUDA ${versionText(version)}: update the driver, or install CUDA ${Math.floor(driver / 1000)} libraries.`,
    );
  const count = new Int32Array(1);
  const status = runtime.cudaGetDeviceCount(count);
  if (status === ERROR_INSUFFICIENT_DRIVER)
    throw refuse(`The NVIDIA driver (CUDA ${versionText(driver)}) is too old for CUDA ${versionText(version)}.`);
  if (status === ERROR_NO_DEVICE || (status === 0 && count[0] === 0))
    throw refuse(
      `There is no CUDA device with the number COMPUTE_DEVICE=${process.env.COMPUTE_DEVICE ?? 0} (CUDA_VISIBLE_DEVICES=${process.env.CUDA_VISIBLE_DEVICES ?? ''}).`,
    );
  if (status !== 0)
    throw refuse(`The CUDA driver does not start: ${runtime.cudaGetErrorString(status)} (error ${status}).`);
}

function read(call: Native): number {
  const value = new Int32Array(1);
  const status = call(value);
  if (status !== 0) throw refuse(`The CUDA runtime does not answer (error ${status}).`);
  return value[0];
}

function bind(library: Library, prototype: string, file: string): Native {
  try {
    return library.func(prototype) as unknown as Native;
  } catch (error) {
    throw refuse(`${file} lacks a function that is needed: ${(error as Error).message}`, error);
  }
}

function bindAll<T extends Record<string, string>>(library: Library, prototypes: T, file: string): Functions<T> {
  return Object.fromEntries(
    Object.entries(prototypes).map(([name, text]) => [name, bind(library, text, file)]),
  ) as Functions<T>;
}

function bindTyped<T extends Record<string, string>>(library: Library, prototypes: T, file: string): Typed<T> {
  const of = (letter: string, real: string) =>
    bindAll(
      library,
      Object.fromEntries(
        Object.entries(prototypes).map(([name, text]) => [
          name,
          text.replaceAll('{t}', letter).replaceAll('{r}', real),
        ]),
      ),
      file,
    ) as Functions<T>;
  return { float32: of('S', 'float'), float64: of('D', 'double') };
}
