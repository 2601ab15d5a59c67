import { useState } from 'preact/hooks';
import { api, dataOf } from '../api/client.js';
import type { Job, Plan } from '../api/types.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { isTerminal } from '../parts/status.js';
import { PlanView } from '../plan/plan-view.js';

/** The page says above what the job waits for. */
const withoutWarning = (plan: Plan, said: string | null): Plan => ({
  ...plan,
  warnings: plan.warnings?.filter((warning) => warning !== said),
});

/** The plan of a job without results, made again when asked for. */
export function PlanOfJob({ job }: { job: Job }) {
  const [plan, setPlan] = useState<Plan>();
  const [error, setError] = useState<Error>();
  const load = (event: Event) => {
    if (!(event.currentTarget as HTMLDetailsElement).open || plan) return;
    setError(undefined);
    dataOf(api.POST('/v1/jobs/plan', { body: job.spec })).then((made) => setPlan(made as Plan), setError);
  };
  return (
    <details class="card" open={!isTerminal(job.status)} onToggle={load}>
      <summary>
        <h2>Plan</h2>
      </summary>
      {error && <ProblemNotice title="This spec cannot be planned now." error={error} />}
      {plan && <PlanView plan={withoutWarning(plan, job.waiting_for)} />}
      {!plan && !error && <p class="body quiet">Reading headers …</p>}
    </details>
  );
}
