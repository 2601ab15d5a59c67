import { isDeepStrictEqual } from 'node:util';
import type { CheckpointReader } from '../../src/checkpoints/reader.js';
import { DataError } from '../../src/errors.js';
import type { JobRecord } from '../../src/jobs/record.js';
import { planJob } from '../../src/plan/plan-job.js';
import type { MergeRun } from './attempt.js';
import { headersOf } from './headers.js';

/**
 * What was planned is what is run: sources whose headers changed would need another plan. Estimates and the order of
 * work are the planner's own affair.
 */
export async function checkUnchanged(run: MergeRun, readers: readonly CheckpointReader[]): Promise<void> {
  const { record } = run;
  const headers = await headersOf(run, readers);
  const stored = record.plan.kind === 'linear' ? record.plan.stored_bases : null;
  const again = planJob(record.spec, headers, { calibrations: tokenShapesOf(record), stored });
  const { costs, steps } = record.plan;
  if (!isDeepStrictEqual({ ...JSON.parse(JSON.stringify(again)), costs, steps }, record.plan))
    throw new DataError(
      'source_changed',
      'A source’s tensors changed after the job was submitted. Submit the job again.',
    );
}

/** Shapes of the calibration tokens the plan was made for; the fit itself refuses a file of another shape. */
function tokenShapesOf({ plan }: JobRecord) {
  if (plan.kind === 'comparison') return plan.methods.map(({ calibration }) => calibration ?? undefined);
  const calibration = (plan as { calibration?: { rows?: number; length?: number } | null }).calibration;
  if (calibration?.rows === undefined || calibration.length === undefined) return [];
  return [{ rows: calibration.rows, length: calibration.length }];
}
