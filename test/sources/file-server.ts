import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  url: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** A real HTTP server of files in memory, with the faults a test asks for. */
export class FileServer {
  readonly files = new Map<string, Buffer>();
  readonly seen: Seen[] = [];
  connections = 0;
  /** Answers before anything else; true when it did. */
  intercept: (request: IncomingMessage, response: ServerResponse, path: string) => boolean = () => false;
  /** Destroy the connection after this many bytes of each answer. */
  cutAfter = Number.POSITIVE_INFINITY;
  ranges = true;
  etags = true;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => this.answer(request, response));
    this.server.on('connection', () => this.connections++);
  }

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** Highest byte asked for of a file since the start. */
  reach(path: string): number {
    const ends = this.seen.filter(({ url }) => url === path).map(({ range }) => Number(range?.split('-')[1]));
    return Math.max(-1, ...ends);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    this.seen.push({ url: path, range: request.headers.range, authorization: request.headers.authorization });
    if (this.intercept(request, response, path)) return;
    const file = this.files.get(path);
    if (!file) return void response.writeHead(404).end();
    const etag = this.etags ? { etag: `"${createHash('md5').update(file).digest('hex')}"` } : {};
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (!this.ranges || from === undefined) {
      response.writeHead(200, { ...etag, 'content-length': file.length }).end(file);
      return;
    }
    if (Number(from) >= file.length) return void response.writeHead(416, etag).end();
    const part = file.subarray(Number(from), Math.min(file.length, Number(to) + 1));
    response.writeHead(206, {
      ...etag,
      'content-length': part.length,
      'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${file.length}`,
    });
    if (part.length <= this.cutAfter) return void response.end(part);
    response.write(part.subarray(0, this.cutAfter), () => setTimeout(() => response.destroy(), 5));
  }
}
