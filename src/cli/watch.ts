import { dataOf, followEvents, type Job, type JobEvent } from '../client/index.js';
import { duration } from './format.js';
import { ProgressLine } from './progress-line.js';
import { EXIT, note, print, printJson, type Session } from './session.js';

/** What shells make of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

export interface WatchOptions {
  /** Say nothing until the end. */
  quiet?: boolean;
  /** Told of each event, in place of what people are shown. */
  onEvent?: (event: JobEvent) => void;
}

export const getJob = ({ client }: Session, id: string): Promise<Job> =>
  dataOf(client.GET('/v1/jobs/{id}', { params: { path: { id } } }));

/** Follow a job to its end, over broken connections; a bar where stderr is a terminal, else a line per change. */
export async function watchJob(session: Session, id: string, { quiet, onEvent }: WatchOptions = {}): Promise<Job> {
  const line = new ProgressLine();
  let said = '';
  const leave = () => {
    line.clear();
    note(`${id} goes on without you: weightfold watch ${id} to follow it again, weightfold cancel ${id} to end it.`);
    process.exit(INTERRUPTED);
  };
  process.once('SIGINT', leave);
  try {
    for await (const event of followEvents(id, { ...session, onLost: () => line.clear() })) {
      onEvent?.(event);
      if (quiet || onEvent) continue;
      const { progress, status, worker, error, message } = event.data;
      if (event.type === 'job.retrying') {
        line.clear();
        note(`${id} is tried again: ${error ? `${error.code}: ${error.message}` : (message ?? 'its worker was lost')}`);
      }
      const where = `${status === 'running' ? progress.phase : status}`;
      if (line.live)
        line.draw(
          progress.fraction,
          `${where}, ${progress.completed}/${progress.total} steps${worker ? `, ${worker}` : ''}`,
        );
      else if (where !== said) note(`${id} ${where} ${Math.floor(progress.fraction * 100)} %`);
      said = where;
    }
  } finally {
    process.off('SIGINT', leave);
    line.clear();
  }
  return getJob(session, id);
}

export const exitCodeOf = ({ status }: Job): number =>
  status === 'failed' || status === 'cancelled' ? EXIT.jobFailed : EXIT.ok;

/** Print how a job ended, or stands; returns the exit code. */
export function showEnd(job: Job, { json }: Session): number {
  if (json) printJson(job);
  else {
    const took =
      job.started_at && job.finished_at
        ? ` in ${duration((Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000)}`
        : '';
    print(`${job.id} ${job.status}${took}`);
    if (job.error) {
      note(`  ${job.error.code}: ${job.error.message}`);
      for (const { pointer, message } of job.error.errors)
        if (!job.error.message.includes(message)) note(`  ${pointer}: ${message}`);
    }
  }
  return exitCodeOf(job);
}
