import type { CheckpointReader } from '../../src/checkpoints/reader.js';
import type { JobSpec } from '../../src/schemas/job-spec.js';
import type { LinearPlan } from '../../src/schemas/plan.js';
import type { Basis } from '../bases/basis.js';
import type { LinearAlgebra } from '../linalg/contract.js';
import type { TensorReader } from './sources.js';
import type { StepStore } from './step-store.js';
import type { Stopwatch } from './stopwatch.js';

/** What every step works with. Steps read sources and earlier steps' files, and write their own. */
export interface StepContext {
  jobId: string;
  spec: JobSpec;
  plan: LinearPlan;
  la: LinearAlgebra;
  sources: readonly CheckpointReader[];
  reader: TensorReader;
  steps: StepStore;
  watch: Stopwatch;
  signal?: AbortSignal;
  /** Bases this process made or read, while they fit; see `loadBasis`. */
  bases: Map<string, Basis>;
  /** File with an earlier job's bases, where the plan takes them. */
  storedBases?: string;
  /** Calibration data, where the spec names a tensor. */
  openCalibration?: () => Promise<CheckpointReader>;
  /** Rows of the probe, where the spec names a tensor. */
  openProbe?: () => Promise<CheckpointReader>;
}
