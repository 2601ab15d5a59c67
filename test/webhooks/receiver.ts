import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { JobEvent } from '../../src/schemas/event.js';
import { eventually } from '../support/patience.js';

export interface Call {
  id: string;
  path: string;
  body: { type: string; timestamp: string; data: JobEvent };
}

/** What a receiver answers to a call: a status with headers, or nothing at all. */
export type Reply = { status: number; headers?: Record<string, string> } | 'reset';

/** A webhook receiver: checks each call with the standard's own library, and answers as it is told. */
export class Receiver {
  readonly calls: Call[] = [];
  /** Calls that were not signed with the secret. */
  forged = 0;
  /** Connections, whether or not anything came over them. */
  connections = 0;
  answer: (call: Call, nth: number) => Reply = () => ({ status: 204 });
  private readonly server: http.Server;

  constructor(secret: string) {
    const webhook = new Webhook(secret);
    this.server = http.createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request.setEncoding('utf8')) text += chunk;
      try {
        const body = webhook.verify(text, request.headers as Record<string, string>) as Call['body'];
        const call = { id: `${request.headers['webhook-id']}`, path: request.url ?? '', body };
        this.calls.push(call);
        const nth = this.calls.filter(({ id }) => id === call.id).length;
        const reply = this.answer(call, nth);
        if (reply === 'reset') request.socket.destroy();
        else response.writeHead(reply.status, reply.headers).end('x'.repeat(100_000));
      } catch {
        this.forged++;
        response.writeHead(400).end();
      }
    });
    this.server.on('connection', () => this.connections++);
  }

  async start(): Promise<this> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  url(path = '/hook'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Calls at a path, once there are `count`. */
  async received(path: string, count: number): Promise<Call[]> {
    return eventually(() => {
      const calls = this.calls.filter((call) => call.path === path);
      return calls.length >= count && calls;
    });
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
