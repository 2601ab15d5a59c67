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
  /** An empty file per job whose webhook may have to be called. */
  webhooks: path.join(dataDir, 'webhooks'),
  /** Files fetched from remote sources. */
  sources: path.join(dataDir, 'sources'),
  redis: path.join(dataDir, 'redis'),
  /** Hashes of the API keys. */
  keys: path.join(dataDir, 'keys.json'),
});

/** Files of one job. */
export const jobLayout = (dataDir: string, id: string) => {
  const folder = path.join(dataDir, 'jobs', id);
  return {
    folder,
    /** Written once, at submission. */
    record: path.join(folder, 'record.json'),
    /** Replaced by the running attempt. */
    state: path.join(folder, 'state.json'),
    /** Exists once a stop was asked for. */
    cancel: path.join(folder, 'cancel.json'),
    /** Created once, by whoever ends the job: terminal states never change. */
    outcome: path.join(folder, 'outcome.json'),
    /** Bases of an earlier job that this one takes. */
    bases: path.join(folder, 'bases.safetensors'),
    /** One file per event, each created once. */
    events: path.join(folder, 'events'),
    /** Calls of the job's webhook, one file per event. */
    deliveries: path.join(folder, 'deliveries'),
    steps: path.join(folder, 'steps'),
    artifacts: path.join(folder, 'artifacts'),
    /** Size and hash of every artifact. */
    manifest: path.join(folder, 'manifest.json'),
  };
};
