import { WeightfoldError } from '../src/errors.js';
import type { StepToRun } from './compute-messages.js';
import { ComputeProcess, ComputeProcessDied } from './compute-process.js';
import type { StepReport } from './step-report.js';

/** The compute processes of a worker: as many as steps run at a time. One that is free runs the next step. */
export class ComputePool {
  private readonly free: ComputeProcess[] = [];
  private readonly busy = new Set<ComputeProcess>();

  /** @throws ComputeProcessDied, or what the step failed with */
  async run(step: StepToRun, signal: AbortSignal): Promise<StepReport | null> {
    const used = this.free.pop();
    if (used) {
      try {
        return await this.use(used, step, signal);
      } catch (error) {
        // It died between two steps: that is no failure of this one.
        if (!(error instanceof ComputeProcessDied) || error.began || signal.aborted) throw error;
      }
    }
    return this.use(new ComputeProcess(), step, signal);
  }

  /** Processes whose steps neither go on nor fail. */
  get stuck(): number {
    return [...this.busy].filter(({ stuck }) => stuck).length;
  }

  /** End all processes, also those that run a step or are stopped. */
  async close(): Promise<void> {
    const all = [...this.free, ...this.busy];
    for (const compute of all) compute.end('belonged to a worker that stopped');
    await Promise.all(all.map(({ gone }) => gone));
  }

  private async use(compute: ComputeProcess, step: StepToRun, signal: AbortSignal): Promise<StepReport | null> {
    this.busy.add(compute);
    try {
      return await compute.run(step, signal);
    } catch (error) {
      // The context of a device does not survive such an error, and every later call would fail with it.
      if (error instanceof WeightfoldError && error.code === 'device_failed') compute.end('lost its device');
      throw error;
    } finally {
      this.busy.delete(compute);
      if (compute.alive) this.free.push(compute);
    }
  }
}
