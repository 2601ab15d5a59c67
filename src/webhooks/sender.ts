import { Webhook } from 'standardwebhooks';
import { Agent, request } from 'undici';
import type { Config } from '../config.js';
import { WeightfoldError } from '../errors.js';
import { guardedConnector } from '../sources/guard.js';
import { VERSION } from '../version.js';
import { webhookRefused } from './check-webhook.js';

/** A receiver acknowledges and works afterwards; Standard Webhooks asks for 15 to 30 s. */
const TIMEOUT_MS = 15_000;
/** Of an answer's body, which is of no interest; the rest is not read. */
const MOST_BODY_BYTES = 16 * 1024;

export interface Answer {
  /** Null where there was none. */
  status: number | null;
  error: string | null;
  /** Seconds the receiver asked to be left alone. */
  retryAfter?: number;
  /** Whether trying again is of no use. */
  final: boolean;
}

/** Posts signed messages (Standard Webhooks) to addresses that clients name: public ones, no redirects. */
export class WebhookSender {
  private readonly signers: readonly Webhook[];
  private readonly agent: Agent;
  private readonly closing = new AbortController();

  constructor({ WEBHOOK_SECRET, ALLOW_PRIVATE_WEBHOOKS }: Config) {
    this.signers = WEBHOOK_SECRET.map((secret) => new Webhook(secret));
    const refuse = (host: string) => webhookRefused(`"${host}" has an address that is not public`);
    this.agent = new Agent(ALLOW_PRIVATE_WEBHOOKS ? {} : { connect: guardedConnector(new Set(), refuse) });
  }

  /** @throws only when the service stops meanwhile */
  async send(url: string, id: string, body: string): Promise<Answer> {
    const now = new Date();
    const headers = {
      'content-type': 'application/json',
      'user-agent': `weightfold/${VERSION}`,
      'webhook-id': id,
      'webhook-timestamp': `${Math.floor(now.getTime() / 1000)}`,
      'webhook-signature': this.signers.map((signer) => signer.sign(id, now, body)).join(' '),
    };
    const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const reply = await request(url, { method: 'POST', headers, body, signal, dispatcher: this.agent });
      await reply.body.dump({ limit: MOST_BODY_BYTES, signal }).catch(() => {});
      return judge(reply.statusCode, Number(reply.headers['retry-after']) || undefined);
    } catch (error) {
      this.closing.signal.throwIfAborted();
      return { status: null, error: reasonOf(error), final: error instanceof WeightfoldError };
    }
  }

  async close(): Promise<void> {
    this.closing.abort(new Error('The service stops.'));
    await this.agent.destroy();
  }
}

function judge(status: number, retryAfter: number | undefined): Answer {
  if (status >= 200 && status < 300) return { status, error: null, final: true };
  if (status === 410) return { status, error: 'The receiver wants no more (410).', final: true };
  const error = status < 400 ? 'Redirects are not followed.' : `The receiver answered ${status}.`;
  return { status, error, retryAfter, final: false };
}

/** For those who look at deliveries: what failed, nothing of what is inside. */
function reasonOf(error: unknown): string {
  if (error instanceof WeightfoldError) return error.message;
  const { name, code } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError') return `No answer within ${TIMEOUT_MS / 1000} s.`;
  return `No answer (${code ?? name}).`;
}
