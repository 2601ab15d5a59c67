import type { Job, Worker } from 'bullmq';
import type { QueuedStep } from '../src/queue/step-jobs.js';
import type { Tracing } from '../src/tracing/tracing.js';
import type { JobKeeper } from './job-keeper.js';
import type { StepReport } from './step-report.js';

/** Spans of each step below the request that submitted the job: how long it waited for a worker, and ran. */
export function traceSteps(worker: Worker<QueuedStep>, tracing: Tracing, keeper: JobKeeper): void {
  const spanOf = ({ data, name, attemptsStarted }: Job<QueuedStep>, what: string, from: number) =>
    tracing.start(`${what} ${data.step}`, {
      kind: what === 'step' ? 'consumer' : 'internal',
      parent: data.trace,
      from,
      attributes: {
        'messaging.system': 'bullmq',
        'messaging.destination.name': worker.name,
        'weightfold.job.id': data.id,
        'weightfold.step.id': data.step,
        'weightfold.step.phase': name,
        'weightfold.step.attempt': attemptsStarted,
      },
    });
  worker.on('active', (job) => {
    if (!job.data.trace || job.attemptsStarted > 1) return;
    spanOf(job, 'wait', job.timestamp).end({}, null, job.processedOn);
  });
  worker.on('completed', (job, report?: StepReport | null) => {
    if (!job.data.trace) return;
    const { read_bytes: read, written_bytes: written } = report ?? {};
    spanOf(job, 'step', job.processedOn ?? Date.now()).end({
      ...(typeof read === 'number' && { 'weightfold.step.read_bytes': read }),
      ...(typeof written === 'number' && { 'weightfold.step.written_bytes': written }),
    });
  });
  worker.on('failed', (job, error) => {
    if (!job?.data.trace) return;
    const [span, at] = [spanOf(job, 'step', job.processedOn ?? Date.now()), Date.now()];
    void keeper.codeOf(job.data.id, error).then((code) => span.end({}, code, at));
  });
}
