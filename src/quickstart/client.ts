import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Job } from '../schemas/job.js';
import type { JobSpecInput } from '../schemas/job-spec.js';
import type { Metrics } from '../schemas/metrics.js';
import type { Problem } from '../schemas/problem.js';

/** The few calls the quickstart makes, over plain HTTP like any client's. */
export class QuickstartClient {
  readonly url: string;
  constructor(url: string) {
    this.url = url;
  }

  async upload(checkpoint: string, file: string, location: string): Promise<void> {
    const { size } = await stat(location);
    await this.call(`/v1/checkpoints/${checkpoint}/files/${file}`, {
      method: 'PUT',
      body: Readable.toWeb(createReadStream(location)) as ReadableStream,
      headers: { 'content-length': String(size) },
      duplex: 'half',
    } as RequestInit);
  }

  async submit(spec: JobSpecInput): Promise<Job> {
    const body = JSON.stringify(spec);
    return this.json<Job>('/v1/jobs', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  }

  job(id: string): Promise<Job> {
    return this.json<Job>(`/v1/jobs/${id}`);
  }

  metrics(id: string): Promise<Metrics> {
    return this.json<Metrics>(`/v1/jobs/${id}/metrics`);
  }

  async ready(): Promise<boolean> {
    return fetch(`${this.url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
  }

  private async json<T>(path: string, init?: RequestInit): Promise<T> {
    return (await (await this.call(path, init)).json()) as T;
  }

  private async call(path: string, init?: RequestInit): Promise<Response> {
    const response = await fetch(this.url + path, init);
    if (response.ok) return response;
    const problem = (await response.json()) as Problem;
    throw new Error(`${init?.method ?? 'GET'} ${path}: ${problem.code}: ${problem.detail}`);
  }
}
