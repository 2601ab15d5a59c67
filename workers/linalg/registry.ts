import type { Config } from '../../src/config.js';
import { WeightfoldError } from '../../src/errors.js';
import type { BackendName } from '../../src/schemas/common.js';
import type { LinearAlgebra, Precision } from './contract.js';
import { CpuBackend } from './cpu/backend.js';
import { openCuda } from './cuda/open.js';
import { PlainBackend } from './plain/backend.js';
import { TfjsBackend } from './tfjs/backend.js';
import { openNodeGpu } from './tfjs/node-gpu.js';
import { openWasm } from './tfjs/wasm.js';

export type Settings = Pick<Config, 'COMPUTE_THREADS' | 'COMPUTE_DEVICE' | 'COMPUTE_TF32' | 'WORKER_CONCURRENCY'>;

/** One way to compute. Opening it loads libraries and may fail with a clear reason. */
export interface Candidate {
  backend: Exclude<BackendName, 'auto'>;
  /** As people call it. */
  title: string;
  open: (settings: Settings) => Promise<LinearAlgebra>;
}

/** Every backend, in the order in which `auto` tries them: the fastest first. */
export const CANDIDATES: readonly Candidate[] = [
  {
    backend: 'cuda',
    title: 'cuda',
    open: async (settings) => openCuda(openHost(settings), settings),
  },
  {
    backend: 'tfjs',
    title: 'tfjs on a GPU',
    open: async (settings) => new TfjsBackend(openNodeGpu(), openHost(settings)),
  },
  { backend: 'cpu', title: 'cpu (BLAS and LAPACK)', open: async ({ COMPUTE_THREADS: n }) => new CpuBackend(n) },
  {
    backend: 'tfjs',
    title: 'tfjs on WebAssembly',
    open: async (settings) => new TfjsBackend(await openWasm(), openHost(settings)),
  },
];

/** What computes beside a backend that lacks verbs or precisions: BLAS where it is there. */
function openHost({ COMPUTE_THREADS: threads }: Settings): LinearAlgebra {
  try {
    return new CpuBackend(threads);
  } catch (error) {
    if (!(error instanceof WeightfoldError)) throw error;
    return new PlainBackend();
  }
}

export interface Selection {
  la: LinearAlgebra;
  /** Why this one: what was asked for, and what came before it but could not be used. */
  reason: string;
}

/**
 * Open the backend asked for; `auto` takes the first that can be opened and has the job's precision by itself, or else
 * the first that has it through the host.
 * @throws WeightfoldError `backend_unavailable`, naming what was tried and why each failed
 */
export async function selectBackend(
  wanted: BackendName,
  settings: Settings,
  precision: Precision = 'float32',
): Promise<Selection> {
  const failures: string[] = [];
  let second: Selection | undefined;
  for (const { title, open } of CANDIDATES.filter(({ backend }) => wanted === 'auto' || backend === wanted)) {
    try {
      const la = await open(settings);
      const able = la.info.precisions.includes(precision);
      if (!able) failures.push(`${title} computes ${precision} on the host, with ${la.info.host}`);
      const because = wanted === 'auto' ? `auto: ${title} is the fastest that can be used` : `${wanted} was asked for`;
      const selection = { la, reason: [because, ...failures].join('; ') };
      if (able) return selection;
      second ??= selection;
    } catch (error) {
      if (!(error instanceof WeightfoldError)) throw error;
      failures.push(`${title} cannot: ${error.message.replace(/\.$/, '')}`);
    }
  }
  if (second) return second;
  throw new WeightfoldError(
    `The backend "${wanted}" is not available on this worker. ${failures.join('; ') || 'This build has none of that name'}.`,
    { code: 'backend_unavailable', status: 503, retryable: true },
  );
}
