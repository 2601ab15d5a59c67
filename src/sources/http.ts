import type { Readable } from 'node:stream';
import { Agent, type Dispatcher, request } from 'undici';
import { WeightfoldError } from '../errors.js';
import { SourceUnavailable, sourceRefused } from './error.js';
import { guardedConnector } from './guard.js';

/** A model hub answers with one redirect, sometimes two. */
const MAX_REDIRECTS = 5;
/** Silence this long, before or within an answer, is a cut. */
const SILENCE_MS = 30_000;

export interface HttpSettings {
  /** Private addresses and plain http:// are allowed. */
  allowPrivate: boolean;
  /** Origins the operator named; they may lie anywhere. */
  trusted: readonly string[];
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /** Headers of each redirect before. */
  redirects: Headers[];
  body: Readable;
}
type Headers = Record<string, string | undefined>;

const portOf = ({ port, protocol }: URL) => port || (protocol === 'https:' ? '443' : '80');
const hostOf = (url: URL) => `${url.hostname}:${portOf(url)}`;

/** Requests to addresses that clients name: guarded at connect time, redirects followed by hand. */
export class HttpClient {
  private readonly agent: Agent;
  private readonly settings: HttpSettings;
  private readonly trusted: ReadonlySet<string>;

  constructor(settings: HttpSettings) {
    this.settings = settings;
    this.trusted = new Set(settings.trusted.map((origin) => hostOf(new URL(origin))));
    this.agent = new Agent({
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
      ...(!settings.allowPrivate && { connect: guardedConnector(this.trusted) }),
    });
  }

  /**
   * @param label how messages call the source: URLs of redirects may carry signatures, so no message holds one
   * @param authorization sent to the first URL's origin only
   * @throws SourceUnavailable when there was no answer; the caller consumes the body
   */
  async send(
    label: string,
    method: 'GET' | 'HEAD',
    address: string,
    headers: Record<string, string>,
    { authorization, signal }: { authorization?: string; signal?: AbortSignal } = {},
  ): Promise<HttpAnswer> {
    const redirects: Headers[] = [];
    let url = new URL(address);
    const { origin } = url;
    for (;;) {
      this.checkScheme(url, label);
      const secret: Record<string, string> =
        authorization !== undefined && url.origin === origin ? { authorization } : {};
      const answer = await this.once(
        label,
        url,
        method,
        { 'accept-encoding': 'identity', ...headers, ...secret },
        signal,
      );
      const flat = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
      const { location } = flat;
      if (![301, 302, 303, 307, 308].includes(answer.statusCode) || location === undefined)
        return { status: answer.statusCode, headers: flat, redirects, body: answer.body };
      await answer.body.dump();
      redirects.push(flat);
      if (redirects.length > MAX_REDIRECTS) throw sourceRefused(`${label} redirects more than ${MAX_REDIRECTS} times.`);
      if (!URL.canParse(location, url.href)) throw sourceRefused(`${label} redirects to something that is no URL.`);
      url = new URL(location, url.href);
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private checkScheme(url: URL, label: string): void {
    const plain = url.protocol === 'http:' && (this.settings.allowPrivate || this.trusted.has(hostOf(url)));
    if (url.protocol !== 'https:' && !plain)
      throw sourceRefused(
        `${label} leads to ${url.protocol}//; only https:// is read (http:// with ALLOW_PRIVATE_SOURCES).`,
      );
  }

  private async once(
    label: string,
    url: URL,
    method: 'GET' | 'HEAD',
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await request(url.href, { dispatcher: this.agent, method, headers, signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WeightfoldError) throw error;
      throw new SourceUnavailable(
        `${label} does not answer (${(error as NodeJS.ErrnoException).code ?? 'no reason given'}).`,
      );
    }
  }
}
