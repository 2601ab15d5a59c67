import path from 'node:path';

/** Where everything lies below DATA_DIR. One place, so that API and workers on other machines agree. */
export const layout = (dataDir: string) => ({
  root: dataDir,
  checkpoints: path.join(dataDir, 'checkpoints'),
  /** Resumable uploads that have not arrived whole. */
  uploads: path.join(dataDir, 'uploads'),
  jobs: path.join(dataDir, 'jobs'),
  idempotency: path.join(dataDir, 'idempotency'),
  trash: path.join(dataDir, 'trash'),
  /** What lists need of jobs that have ended; see `EndedJobs`. */
  endedJobs: path.join(dataDir, 'ended-jobs.jsonl'),
  /** An empty file per job whose webhook may have to be called. */
  webhooks: path.join(dataDir, 'webhooks'),
  /** Files fetched from remote sources. */
  sources: path.join(dataDir, 'sources'),
  redis: path.join(dataDir, 'redis'),
  /** Hashes of the API keys. */
  keys: path.join(dataDir, 'keys.json'),
});

/** Folder of one job. */
export const jobFolder = (dataDir: string, id: string) => path.join(dataDir, 'jobs', id);

/** Files of one job. */
export const jobLayout = (dataDir: string, id: string) => {
  const folder = jobFolder(dataDir, id);
  const at = (name: string) => folder + path.sep + name; // asked for often, and `join` would parse the path each time
  return {
    folder,
    /** Written once, at submission. */
    record: at('record.json'),
    /** Written once, with the record. */
    plan: at('plan.json'),
    /** Replaced by the running attempt. */
    state: at('state.json'),
    /** Exists once a stop was asked for. */
    cancel: at('cancel.json'),
    /** Created once, by whoever ends the job: terminal states never change. */
    outcome: at('outcome.json'),
    /** Bases of an earlier job that this one takes. */
    bases: at('bases.safetensors'),
    /** One file per event, each created once. */
    events: at('events'),
    /** Calls of the job's webhook, one file per event. */
    deliveries: at('deliveries'),
    steps: at('steps'),
    artifacts: at('artifacts'),
    /** Size and hash of every artifact. */
    manifest: at('manifest.json'),
  };
};
