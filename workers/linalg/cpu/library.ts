import os from 'node:os';
import koffi from 'koffi';
import { WeightfoldError } from '../../../src/errors.js';
import { selectOpenBlasCore } from './openblas-core.js';

/** Where a BLAS with LAPACK is looked for, in this order, unless BLAS_LIBRARY names one. */
const CANDIDATES: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: [
    'libopenblas.so.0',
    `/usr/lib/${os.arch() === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/openblas-pthread/libopenblas.so.0`,
    'libopenblasp.so.0',
    'libopenblas.so',
    'libmkl_rt.so.2',
  ],
  darwin: [
    '/System/Library/Frameworks/Accelerate.framework/Accelerate',
    '/opt/homebrew/opt/openblas/lib/libopenblas.dylib',
    '/usr/local/opt/openblas/lib/libopenblas.dylib',
  ],
};

type Library = ReturnType<typeof koffi.load>;

/** A native call: same arguments, blocking or on a thread of the pool. */
// biome-ignore lint/suspicious/noExplicitAny: foreign functions take what their C declaration says
export type Native = ((...args: any[]) => any) & { async: (...args: any[]) => void };

const PROTOTYPES = {
  gemm: 'void cblas_{t}gemm(int order, int ta, int tb, int m, int n, int k, {r} alpha, const {r} *a, int lda, const {r} *b, int ldb, {r} beta, {r} *c, int ldc)',
  syrk: 'void cblas_{t}syrk(int order, int uplo, int trans, int n, int k, {r} alpha, const {r} *a, int lda, {r} beta, {r} *c, int ldc)',
  trsm: 'void cblas_{t}trsm(int order, int side, int uplo, int trans, int diag, int m, int n, {r} alpha, const {r} *a, int lda, {r} *b, int ldb)',
  asum: '{r} cblas_{t}asum(int n, const {r} *x, int incx)',
  iamax: 'size_t cblas_i{t}amax(int n, const {r} *x, int incx)',
  dot: '{r} cblas_{t}dot(int n, const {r} *x, int incx, const {r} *y, int incy)',
  syevd:
    'void {t}syevd_(const char *jobz, const char *uplo, const int *n, {r} *a, const int *lda, {r} *w, {r} *work, const int *lwork, int *iwork, const int *liwork, int *info)',
  gesdd:
    'void {t}gesdd_(const char *jobz, const int *m, const int *n, {r} *a, const int *lda, {r} *s, {r} *u, const int *ldu, {r} *vt, const int *ldvt, {r} *work, const int *lwork, int *iwork, int *info)',
  geqrf:
    'void {t}geqrf_(const int *m, const int *n, {r} *a, const int *lda, {r} *tau, {r} *work, const int *lwork, int *info)',
  orgqr:
    'void {t}orgqr_(const int *m, const int *n, const int *k, {r} *a, const int *lda, const {r} *tau, {r} *work, const int *lwork, int *info)',
  potrf: 'void {t}potrf_(const char *uplo, const int *n, {r} *a, const int *lda, int *info)',
} as const;

export type Routine = keyof typeof PROTOTYPES;

export interface BlasLibrary {
  path: string;
  /** e.g. `OpenBLAS 0.3.21 SkylakeX`. */
  description: string;
  float32: Record<Routine, Native>;
  float64: Record<Routine, Native>;
  /** Sets the library's own thread count; does nothing where the library has no such call. */
  setThreads: (count: number) => void;
}

let loaded: BlasLibrary | undefined;

/**
 * Load BLAS and LAPACK once per process. `BLAS_LIBRARY` overrides the search (e.g. libmkl_rt.so.2).
 * @throws WeightfoldError `blas_not_found`, naming what was tried and the package to install.
 */
export function loadBlas(): BlasLibrary {
  loaded ??= load(process.env.BLAS_LIBRARY ? [process.env.BLAS_LIBRARY] : (CANDIDATES[os.platform()] ?? []));
  return loaded;
}

/** Choose the OpenBLAS kernel for this process and the children it forks, without loading the library here. */
export function prepareBlasEnvironment(): void {
  const path = process.env.BLAS_LIBRARY ?? CANDIDATES[os.platform()]?.[0];
  if (path) selectOpenBlasCore(path);
}

function load(candidates: string[]): BlasLibrary {
  for (const path of candidates) {
    selectOpenBlasCore(path);
    try {
      const library = koffi.load(path);
      return {
        path,
        description: describe(library, path),
        float32: declare(library, 's', 'float'),
        float64: declare(library, 'd', 'double'),
        setThreads: threadSetter(library),
      };
    } catch {
      // not installed: the next candidate
    }
  }
  throw new WeightfoldError(
    `No BLAS with LAPACK could be loaded (tried ${candidates.join(', ') || 'nothing on this platform'}). ` +
      'Install OpenBLAS (Debian: libopenblas0-pthread, Fedora: openblas-threads, Alpine: openblas) or set BLAS_LIBRARY to its path.',
    { code: 'blas_not_found', status: 500 },
  );
}

function declare(library: Library, prefix: string, real: string): Record<Routine, Native> {
  const bind = (prototype: string) =>
    library.func(prototype.replaceAll('{t}', prefix).replaceAll('{r}', real)) as unknown as Native;
  return Object.fromEntries(Object.entries(PROTOTYPES).map(([name, text]) => [name, bind(text)])) as Record<
    Routine,
    Native
  >;
}

function describe(library: Library, path: string): string {
  try {
    const config = library.func('str openblas_get_config()')() as string;
    const core = library.func('str openblas_get_corename()')() as string;
    return `${config.split(' ').slice(0, 2).join(' ')} ${core}`;
  } catch {
    return path.includes('Accelerate') ? 'Accelerate' : path.includes('mkl') ? 'MKL' : path;
  }
}

function threadSetter(library: Library): (count: number) => void {
  for (const name of ['openblas_set_num_threads', 'MKL_Set_Num_Threads']) {
    try {
      return library.func(`void ${name}(int count)`) as unknown as (count: number) => void;
    } catch {
      // not this library
    }
  }
  return () => {};
}
