import type { CheckpointReader } from '../../src/checkpoints/reader.js';
import type { JobRecord } from '../../src/jobs/record.js';
import type { Progress } from '../../src/schemas/job.js';
import type { ObjectStore } from '../../src/store/object-store.js';
import type { Basis } from '../bases/basis.js';
import type { LinearAlgebra } from '../linalg/contract.js';
import type { Publication } from './publish.js';
import type { StepStore } from './step-store.js';
import type { Stopwatch } from './stopwatch.js';
import type { MergeTimings } from './timings.js';

export interface MergeRun {
  record: JobRecord;
  /** Folder of intermediate results; kept between attempts. */
  stepsFolder: string;
  /** Folder of this machine for their files, which then go through `store`; else they are in `stepsFolder` as well. */
  scratch?: string;
  /** Folder the result appears in. */
  artifacts: string;
  /** Where the result's files go, if not there. */
  store?: ObjectStore;
  /** Folder or file of each source, and its name for messages. */
  sources: readonly { label: string; location: string }[];
  /** Cap on their headers. */
  maxHeaderBytes?: number;
  /** Where a file of an uploaded checkpoint lies (probes, calibration tokens). */
  locate?: (checkpoint: string, file: string) => string;
  /** File with an earlier job's bases, where the plan takes them. */
  storedBases?: string;
  la: LinearAlgebra;
  /** Why that backend, for the environment in the metrics. */
  reason?: string;
  /** Throws where the store has no room for so many bytes more. */
  requireSpace?: (bytes: number) => Promise<void>;
  /** Who runs it, for the claims on steps. */
  worker?: string;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** A merge open in this process: what the steps of every kind of plan need. */
export interface Attempt {
  run: MergeRun;
  readers: readonly CheckpointReader[];
  steps: StepStore;
  /** Bases this process made or read, kept between its steps while they fit. */
  bases: Map<string, Basis>;
  watch: Stopwatch;
  /** Report how far the step at hand is, 0…1. */
  within: (fraction: number) => void;
  /** What publishing needs beside the files. */
  publication: () => Omit<Publication, 'files' | 'texts' | 'metrics'>;
  /** Timings and environment for metrics.json, as of now. */
  measured: () => Measured;
}

export interface Measured extends MergeTimings {
  environment: {
    backend: string;
    library: string;
    threads: number;
    device: string | null;
    reason: string;
    node: string;
    weightfold: string;
  };
}
