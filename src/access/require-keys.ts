import type { Config } from '../config.js';
import { WeightfoldError } from '../errors.js';
import type { KeyStore } from './key-store.js';
import { keysCommand } from './keys-command.js';
import { isLoopback } from './loopback.js';

/**
 * Refuse to listen where other machines can reach a service that asks nobody for a key.
 * @throws WeightfoldError `keys_missing`
 */
export async function requireKeys(
  setting: 'HOST' | 'METRICS_HOST',
  host: string,
  { ALLOW_NO_KEYS }: Config,
  keys: KeyStore,
): Promise<void> {
  if (ALLOW_NO_KEYS || isLoopback(host) || (await keys.exist())) return;
  throw new WeightfoldError(
    `${setting}=${host} lets other machines in, and there is no API key. Make one: ${keysCommand()} create --name NAME --scope admin ` +
      '(or set API_KEYS). Behind a proxy that checks access itself: ALLOW_NO_KEYS=true.',
    { code: 'keys_missing', status: 500 },
  );
}
