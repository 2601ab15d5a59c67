import { createReadStream } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { Service } from '../../faults/service.js';
import type { AnyMetrics } from '../../src/schemas/metrics.js';
import { type Case, probesOf } from './cases.js';
import type { Found } from './table.js';

/** A result that was downloaded. */
export interface Made {
  subject: Case;
  folder: string;
  metrics: AnyMetrics;
}

/**
 * Have a running service (API, Redis, one worker) make every case.
 * @param models folder of the sources, one folder each
 * @param results folder that each result gets a folder in
 */
export async function makeResults(
  cases: readonly Case[],
  models: string,
  results: string,
): Promise<{ made: Made[]; failed: Found[] }> {
  const service = await Service.start({ WORKER_CONCURRENCY: '2' });
  try {
    service.startWorker();
    for (const model of await readdir(models)) await uploadFolder(service, path.join(models, model));
    const jobs = await Promise.all(cases.map((subject) => settle(submit(service, subject))));
    const made: Made[] = [];
    const failed: Found[] = [];
    for (const [i, subject] of cases.entries()) {
      const [job, folder] = [jobs[i], path.join(results, subject.name)];
      const metrics = job instanceof Error ? job : await settle(download(service, job, folder));
      if (metrics instanceof Error) failed.push({ name: subject.name, figures: {}, problems: [metrics.message] });
      else made.push({ subject, folder, metrics });
    }
    return { made, failed };
  } finally {
    await service.close();
  }
}

const settle = <T>(promise: Promise<T>): Promise<T | Error> => promise.catch((error: Error) => error);

/** Upload every file of a model's folder under the folder's name. */
async function uploadFolder(service: Service, folder: string): Promise<void> {
  for (const file of await readdir(folder)) {
    const location = path.join(folder, file);
    const reply = await fetch(`${service.url}/v1/checkpoints/${path.basename(folder)}/files/${file}`, {
      method: 'PUT',
      body: Readable.toWeb(createReadStream(location)) as ReadableStream,
      headers: { 'content-length': String((await stat(location)).size) },
      duplex: 'half',
    } as RequestInit);
    if (!reply.ok) throw new Error(`${location}: ${reply.status} ${await reply.text()}`);
  }
}

/** Submit a case. @throws Error where the service refuses it */
const submit = (service: Service, subject: Case): Promise<string> =>
  service.submit({
    name: subject.name,
    sources: subject.sources.map((checkpoint) => ({ checkpoint })),
    model: { family: 'auto', extra_tensors: subject.drop ? 'drop' : 'fail' },
    probe: probesOf(subject),
    ...subject.spec,
  });

/** Wait for a job and download all that it made. @throws Error where it did not succeed */
async function download(service: Service, id: string, folder: string): Promise<AnyMetrics> {
  const { status, error } = await service.ended(id);
  if (status !== 'succeeded') throw new Error(`The job ${status}: ${error?.message}`);
  await mkdir(folder);
  for (const { file } of await service.artifacts(id))
    await writeFile(path.join(folder, file), await service.download(id, file));
  return service.get(`/v1/jobs/${id}/metrics`);
}
