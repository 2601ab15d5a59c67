import type { Readable } from 'node:stream';
import { SourceUnavailable, sourceChanged, sourceRefused, sourceUnsuitable } from './error.js';
import type { HttpAnswer, HttpClient } from './http.js';
import { type Origin, type RemoteFile, sha256In } from './origin.js';

/** Statuses that may be another one later. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface HttpOriginOptions {
  label: string;
  client: HttpClient;
  /** URL of a file, given the revision if one is known. */
  url: (name: string, revision: string | null) => string;
  file?: string;
  authorization?: string;
  revision?: string | null;
}

/** Files below one URL, and files of a model hub: any server that answers range requests. */
export class HttpOrigin implements Origin {
  readonly label: string;
  readonly file: string | undefined;
  private readonly options: HttpOriginOptions;
  private resolved: string | null;

  constructor(options: HttpOriginOptions) {
    this.options = options;
    this.label = options.label;
    this.file = options.file;
    this.resolved = options.revision ?? null;
  }

  get revision(): string | null {
    return this.resolved;
  }

  async stat(name: string, signal?: AbortSignal): Promise<RemoteFile | undefined> {
    // The first byte instead of HEAD: not every server answers HEAD, and this shows whether it answers ranges.
    const answer = await this.ask(name, 'bytes=0-0', signal);
    answer.body.resume().on('error', () => {});
    if (answer.status === 404 || answer.status === 410) return undefined;
    if (answer.status === 416) return { name, size: 0, ...identityOf(answer) };
    const total = /^bytes 0-0\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1];
    if (answer.status === 200) {
      answer.body.destroy();
      throw sourceUnsuitable(
        `${this.label}: the server of "${name}" does not answer range requests, which are needed.`,
      );
    }
    if (answer.status !== 206 || total === undefined) throw this.refusal(answer, name);
    const size = Number(total);
    const linked = stated(answer, 'x-linked-size');
    if (linked !== undefined && linked !== String(size))
      throw sourceUnsuitable(
        `${this.label}: the hub states ${linked} bytes for "${name}", but its storage has ${size}. Upload the file to the hub again.`,
      );
    this.resolved ??= stated(answer, 'x-repo-commit') ?? null;
    return { name, size, ...identityOf(answer) };
  }

  async read(file: RemoteFile, from: number, to: number, signal?: AbortSignal): Promise<Readable> {
    const answer = await this.ask(file.name, `bytes=${from}-${to - 1}`, signal);
    const fail = (error: Error) => {
      answer.body.on('error', () => {}).destroy();
      return error;
    };
    if ([404, 410, 412, 416].includes(answer.status)) throw fail(sourceChanged(`${this.label}: "${file.name}"`));
    if (answer.status !== 206) throw fail(this.refusal(answer, file.name));
    const { validator } = identityOf(answer);
    const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(answer.headers['content-range'] ?? '') ?? [];
    if (validator !== file.validator || Number(total) !== file.size)
      throw fail(sourceChanged(`${this.label}: "${file.name}"`));
    if (Number(first) !== from || Number(last) !== to - 1)
      throw fail(
        new SourceUnavailable(`${this.label}: bytes ${first}-${last} of "${file.name}" came, others were asked.`),
      );
    return answer.body;
  }

  private ask(name: string, range: string, signal?: AbortSignal): Promise<HttpAnswer> {
    const { client, url, authorization } = this.options;
    return client.send(this.label, 'GET', url(name, this.resolved), { range }, { authorization, signal });
  }

  private refusal({ status, headers }: HttpAnswer, name: string): Error {
    const what = `${this.label}: "${name}" was answered with status ${status}`;
    if (PASSING.has(status)) return new SourceUnavailable(`${what}.`, Number(headers['retry-after']) || undefined);
    if (status === 401 || status === 403) return sourceRefused(`${what}: this server has no access to it.`);
    return sourceUnsuitable(`${what}; 206 was expected.`);
  }
}

const hops = ({ headers, redirects }: HttpAnswer) => [...redirects, headers];

/** What a hub states in a header. Renamed repositories redirect within the hub first: the last hop that states it counts. */
const stated = (answer: HttpAnswer, name: string): string | undefined =>
  hops(answer).findLast((hop) => hop[name] !== undefined)?.[name];

/**
 * Validator and hash of an answer. A hub redirects to storage that has ETags of its own, and states the file's before
 * that: in X-Linked-Etag, else in the ETag of the hop that states the commit.
 */
function identityOf(answer: HttpAnswer): Pick<RemoteFile, 'validator' | 'sha256'> {
  const { headers } = answer;
  const hub = hops(answer).findLast((hop) => hop['x-repo-commit'] !== undefined);
  const linked = stated(answer, 'x-linked-etag') ?? hub?.etag;
  const validator = linked ?? headers.etag ?? headers['last-modified'] ?? null;
  return { validator, sha256: sha256In(linked) ?? sha256In(headers.etag) };
}
