import { bytes, count, flops } from '../../src/format/numbers.js';
import { api, tagged } from '../api/client.js';
import type { Worker } from '../api/types.js';
import { usePolled } from '../api/use-polled.js';
import { Fact } from '../job/facts.js';
import { Ago } from '../parts/ago.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { useReadiness } from '../parts/use-readiness.js';
import { useTitle } from '../parts/use-title.js';

const POLL_MS = 2_000;

/** Who computes, with what, and how much waits. */
export function WorkersPage() {
  useTitle('Workers');
  const { data, error } = usePolled('workers', (signal) => tagged(api.GET('/v1/workers', { signal })), POLL_MS);
  return (
    <>
      <div class="head">
        <h1>Workers and queue</h1>
      </div>
      <Queue workers={data?.data} />
      {error && <ProblemNotice title="The workers could not be listed." error={error} again />}
      {!data && !error && <div class="skeleton" role="status" aria-label="Loading workers" />}
      {data?.data.length === 0 && (
        <div class="card empty">
          <h2>No worker</h2>
          <p class="quiet">
            Jobs stay queued until one starts: <code>npm run start:worker</code>, on any machine that sees the store and
            the queue.
          </p>
        </div>
      )}
      <div class="workers">
        {data?.data.map((worker) => (
          <WorkerCard key={worker.id} worker={worker} />
        ))}
      </div>
    </>
  );
}

function Queue({ workers }: { workers: readonly Worker[] | undefined }) {
  const { data } = useReadiness();
  const { waiting, active } = data?.queue ?? {};
  const shown = (value: number | undefined) => (value === undefined ? '–' : count(value));
  return (
    <section class="card" aria-label="Queue">
      <dl class="body key-figures">
        <div>
          <dt>Running</dt>
          <dd class="value">{shown(active)}</dd>
          <dd class="quiet small">steps at work</dd>
        </div>
        <div>
          <dt>Waiting</dt>
          <dd class="value">{shown(waiting)}</dd>
          <dd class="quiet small">steps in the queue</dd>
        </div>
        <div>
          <dt>Workers</dt>
          <dd class="value">{shown(workers?.length)}</dd>
          <dd class="quiet small">
            steps at a time: {shown(workers?.reduce((sum, { concurrency }) => sum + concurrency, 0))}
          </dd>
        </div>
        <div>
          <dt>Service</dt>
          <dd class="value">{data ? data.status : '–'}</dd>
          <dd class="quiet small">
            queue {data?.checks.queue ?? '–'}, store {data?.checks.store ?? '–'}, workers {data?.checks.workers ?? '–'}
          </dd>
        </div>
      </dl>
    </section>
  );
}

const STATE_CLASSES = { idle: 'tag', busy: 'tag accent', wedged: 'tag warn' } as const;

function WorkerCard({ worker }: { worker: Worker }) {
  const { compute, speed } = worker;
  return (
    <section class="card" aria-label={`Worker ${worker.name}`}>
      <header>
        <h2>{worker.name}</h2>
        <span class={STATE_CLASSES[worker.state]}>{worker.state}</span>
      </header>
      <dl class="body pairs">
        <Fact name="Runs">
          {worker.jobs.length === 0
            ? '–'
            : worker.jobs.map((id) => (
                <div key={id}>
                  <a href={`#/jobs/${id}`}>
                    <code>{id}</code>
                  </a>
                </div>
              ))}
        </Fact>
        <Fact name="Computes with">
          {compute.backend}, {compute.library}, {compute.threads} {compute.threads === 1 ? 'thread' : 'threads'}
        </Fact>
        {compute.device && (
          <Fact name="Device">
            {compute.device}
            {compute.device_memory_bytes !== null && `, ${bytes(compute.device_memory_bytes)}`}
          </Fact>
        )}
        <Fact name="Precisions">
          {compute.precisions.join(', ')}
          {compute.host && `; the other on the host, ${compute.host}`}
        </Fact>
        <Fact name="Takes jobs for">{worker.serves.join(', ')}</Fact>
        <Fact name="At a time">{worker.concurrency}</Fact>
        <Fact name="Memory">{bytes(worker.memory_bytes)}</Fact>
        {speed && (
          <Fact name="Speed">
            {flops(speed.float32_flops_per_s)}/s float32, {flops(speed.float64_flops_per_s)}/s float64; reads{' '}
            {bytes(speed.read_bytes_per_s)}/s, writes {bytes(speed.write_bytes_per_s)}/s
          </Fact>
        )}
        <Fact name="Started">
          <Ago at={worker.started_at} />
        </Fact>
        <Fact name="Last seen">
          <Ago at={worker.last_seen_at} />
        </Fact>
        <Fact name="Why this">{compute.reason}</Fact>
      </dl>
    </section>
  );
}
