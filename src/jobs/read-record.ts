import type { Plan } from '../schemas/plan.js';
import { exists } from '../store/files.js';
import type { jobLayout } from '../store/layout.js';
import { jobDamaged, readJobFile } from './damaged-job.js';
import type { JobHead, JobRecord } from './record.js';
import { isPlan, isRecord } from './record-shape.js';

type Files = ReturnType<typeof jobLayout>;

/** Records of earlier versions hold the plan, and its steps nowhere else. */
type Stored = Omit<JobHead, 'steps'> & ({ steps: Plan['steps']; plan?: undefined } | { plan: Plan });

/** What was written at submission, without the plan. @throws WeightfoldError `job_damaged` */
export async function readHead(id: string, files: Files): Promise<JobHead | JobRecord | undefined> {
  const stored = await readJobFile<Stored>(id, files.record, isRecord);
  return stored?.plan ? { ...stored, steps: stored.plan.steps } : (stored as JobHead | undefined);
}

/** What was written at submission, with the plan. @throws WeightfoldError `job_damaged` */
export async function readRecord(id: string, files: Files): Promise<JobRecord | undefined> {
  const head = await readHead(id, files);
  if (!head || 'plan' in head) return head;
  const plan = await readJobFile<Plan>(id, files.plan, isPlan);
  if (plan) return { ...head, plan };
  // A job is created and deleted as a whole: where its record stays, the file has been lost.
  if (!(await exists(files.record))) return undefined;
  throw jobDamaged(id, 'plan.json is missing');
}
