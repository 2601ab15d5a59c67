import { isIP } from 'node:net';
import type { Config } from '../config.js';
import { SpecError } from '../errors.js';
import type { JobSpec } from '../schemas/job-spec.js';
import { isPublicAddress } from '../sources/guard.js';

/** The error for a receiver this service will not call. */
export const webhookRefused = (reason: string) =>
  new SpecError('webhook_url_not_allowed', `The webhook ${reason}.`, '/webhook/url');

/**
 * Refuse a webhook that could never be called. What its name resolves to is looked at when it is called.
 * @throws SpecError `webhooks_disabled` or `webhook_url_not_allowed`
 */
export function checkWebhook({ webhook }: JobSpec, config: Config): void {
  if (!webhook) return;
  if (config.WEBHOOK_SECRET.length === 0)
    throw new SpecError(
      'webhooks_disabled',
      'This service calls no webhooks: it has no WEBHOOK_SECRET to sign with.',
      '/webhook',
    );
  const { protocol, hostname, username, password } = new URL(webhook.url);
  if (username !== '' || password !== '')
    throw webhookRefused('names a user or password; receivers check signatures instead');
  if (config.ALLOW_PRIVATE_WEBHOOKS) return;
  if (protocol !== 'https:') throw webhookRefused('is not https:// (http:// needs ALLOW_PRIVATE_WEBHOOKS)');
  const literal = hostname.replace(/^\[|\]$/g, '');
  const isLocal = isIP(literal) ? !isPublicAddress(literal) : /(?:^|\.)localhost\.?$/.test(hostname);
  if (isLocal) throw webhookRefused(`"${hostname}" is not a public address (ALLOW_PRIVATE_WEBHOOKS would allow it)`);
}
