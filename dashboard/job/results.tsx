import { api, tagged } from '../api/client.js';
import type { Job, Metrics } from '../api/types.js';
import { usePolled } from '../api/use-polled.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { ComparisonResult } from './comparison-result.js';
import { LinearResult } from './linear-result.js';
import { Timings } from './timings.js';
import { TransformerResult } from './transformer-result.js';

/** What a job that succeeded has measured. */
export function Results({ job }: { job: Job }) {
  const { data, error } = usePolled(
    `metrics ${job.id}`,
    async (signal) => {
      const answer = api.GET('/v1/jobs/{id}/metrics', {
        signal,
        params: { path: { id: job.id }, query: { format: 'json' } },
      });
      const { data: metrics, etag } = await tagged(answer);
      return { data: metrics as Metrics, etag };
    },
    0,
  );
  if (error) return <ProblemNotice title="The metrics could not be loaded." error={error} />;
  if (!data) return <div class="skeleton" role="status" aria-label="Loading the metrics" />;
  return (
    <>
      {data.kind === 'linear' && <LinearResult metrics={data} />}
      {data.kind === 'transformer' && <TransformerResult metrics={data} />}
      {data.kind === 'comparison' && <ComparisonResult metrics={data} />}
      <Timings metrics={data} />
    </>
  );
}
