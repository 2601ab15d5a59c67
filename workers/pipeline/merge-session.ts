import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { WeightfoldError } from '../../src/errors.js';
import { stepsKey } from '../../src/jobs/stored-artifacts.js';
import { PUBLISH_STEP } from '../../src/plan/steps.js';
import { MAX_TAKEOVERS } from '../../src/queue/settings.js';
import type { Progress } from '../../src/schemas/job.js';
import type { StepPlan } from '../../src/schemas/plan.js';
import { VERSION } from '../../src/version.js';
import { owning } from '../linalg/owning.js';
import type { Attempt, Measured, MergeRun } from './attempt.js';
import { releaseKept } from './basis.js';
import { checkUnchanged } from './check-unchanged.js';
import { comparisonSteps } from './comparison-steps.js';
import { linearSteps } from './linear-steps.js';
import { StepStore } from './step-store.js';
import { Stopwatch } from './stopwatch.js';
import { measureStep, type StepTimings, totalTimings } from './timings.js';
import { wholeModelSteps } from './whole-model-steps.js';

export interface StepControl {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Told the number of each attempt at a step that begins here. */
  onAttempt?: (attempt: number) => Promise<void>;
}

/** How the steps of a plan are run, by its kind. */
function stepsOf(attempt: Attempt): (step: StepPlan) => Promise<void> {
  const { plan } = attempt.run.record;
  if (plan.kind === 'linear') return linearSteps(attempt, plan);
  return plan.kind === 'comparison' ? comparisonSteps(attempt, plan) : wholeModelSteps(attempt);
}

/** Where this machine has the files of the steps, where workers share no disk for them. */
function ownFiles({ scratch, store, record }: MergeRun) {
  return scratch !== undefined && store ? { folder: scratch, store, key: stepsKey(record.id) } : undefined;
}

/**
 * A merge open in this process: sources, the check of its plan and bases in memory serve every step that runs here.
 * Of no use after a step has failed; close it then.
 */
export class MergeSession {
  private readonly run: MergeRun;
  private readonly release: () => void;
  private readonly readers: readonly CheckpointReader[];
  private readonly steps: StepStore;
  private readonly attempt: Attempt;
  private readonly perform: (step: StepPlan) => Promise<void>;
  private readonly aborter: AbortController;
  private readonly sound = new Set<string>();
  private control: StepControl = {};
  private report: (fraction: number) => void = () => {};
  private timings: (() => StepTimings) | undefined;

  private constructor(run: MergeRun, readers: readonly CheckpointReader[], steps: StepStore, aborter: AbortController) {
    // The host's memory is collected; a device's is given back when the merge is closed, whatever its steps left.
    const { la, release } = run.la.info.deviceMemory === null ? { la: run.la, release: () => {} } : owning(run.la);
    this.run = { ...run, la };
    this.release = release;
    this.readers = readers;
    this.steps = steps;
    this.aborter = aborter;
    this.attempt = this.describe();
    this.perform = stepsOf(this.attempt);
  }

  /** @throws DataError `source_changed` where the sources are not those the job was planned for */
  static async open(run: MergeRun): Promise<MergeSession> {
    const readers: CheckpointReader[] = [];
    try {
      for (const { location } of run.sources) readers.push(await CheckpointReader.open(location, run.maxHeaderBytes));
      await checkUnchanged(run, readers);
      const aborter = new AbortController();
      const steps = await StepStore.open(run.stepsFolder, ownFiles(run));
      return new MergeSession({ ...run, signal: aborter.signal }, readers, steps, aborter);
    } catch (error) {
      await Promise.all(readers.map((reader) => reader.close()));
      throw error;
    }
  }

  /** Run a step, after whatever it needs that is missing or damaged. One that has finished is left as it is. */
  async step(id: string, control: StepControl = {}): Promise<void> {
    const { signal } = control;
    this.control = control;
    const abort = () => this.aborter.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await this.ensure(id);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async close(): Promise<void> {
    releaseKept({ la: this.run.la, bases: this.attempt.bases });
    this.release();
    await Promise.all(this.readers.map((reader) => reader.close()));
  }

  private async ensure(id: string): Promise<void> {
    if (this.sound.has(id)) return;
    const step = this.run.record.plan.steps.find((s) => s.id === id);
    if (!step) throw new Error(`The plan has no step ${id}.`);
    for (const needed of step.after) await this.ensure(needed);
    this.aborter.signal.throwIfAborted();
    if (id === PUBLISH_STEP || !(await this.steps.finished(id))) await this.begin(step);
    this.sound.add(id);
  }

  private async begin(step: StepPlan): Promise<void> {
    const { record, worker = `${process.pid}` } = this.run;
    await this.run.requireSpace?.(this.bytesOf(step));
    await this.steps.forget(step.id);
    this.timings = measureStep(step, this.attempt.watch);
    const attempt = await this.steps.begin(step.id, worker, this.timings);
    if (attempt > MAX_TAKEOVERS + record.spec.max_attempts)
      throw new WeightfoldError(`Step ${step.id} took down its worker ${attempt - 1} times; it is not tried again.`, {
        code: 'worker_crashed',
        status: 422,
      });
    const total = record.plan.steps.length;
    const completed = await this.steps.count();
    this.report = (fraction) =>
      this.control.onProgress?.({ phase: step.phase, completed, total, fraction: (completed + fraction) / total });
    await this.control.onAttempt?.(attempt);
    this.report(0);
    await this.perform(step);
    if (step.id === PUBLISH_STEP) this.control.onProgress?.({ phase: 'publish', completed: total, total, fraction: 1 });
  }

  /** Bytes a step is known to write. */
  private bytesOf({ phase, subject }: StepPlan): number {
    const { plan } = this.run.record;
    if (phase !== 'fold' || plan.kind === 'comparison') return 0;
    if (plan.kind === 'transformer') return plan.costs.bytes_written;
    return plan.shards.find(({ file }) => file === subject)?.bytes ?? 0;
  }

  private describe(): Attempt {
    const { run, readers, steps } = this;
    const watch = new Stopwatch();
    const { la, reason = 'given by the caller' } = run;
    const { backend, library, threads, device } = la.info;
    const node = process.versions.node;
    const environment = { backend, library, threads, device, reason, node, weightfold: VERSION };
    return {
      run,
      readers,
      steps,
      watch,
      bases: new Map(),
      within: (fraction) => this.report(fraction),
      publication: () => ({
        record: run.record,
        locations: run.sources.map(({ location }) => location),
        artifacts: run.artifacts,
        store: run.store,
        staging: steps.staging(),
        confirm: () => steps.confirm(),
        versions: { weightfold: VERSION, node, library },
        environment,
        watch,
      }),
      measured: (): Measured => ({
        ...totalTimings([...steps.timings(), ...(this.timings ? [this.timings()] : [])]),
        environment,
      }),
    };
  }
}
