import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { KeyStore } from '../../src/access/key-store.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();

afterEach(() => vi.useRealTimers());

it('a revoked key is refused a second later, also where the clock was set back meanwhile', async () => {
  const folder = subfolder(root);
  const [service, command] = [new KeyStore(folder, []), new KeyStore(folder, [])];
  const { text } = await command.create('a', 'read');
  expect(await service.find(text)).toMatchObject({ name: 'a' });
  await command.revoke('a');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
  await sleep(1_100);
  expect(await service.find(text)).toBeUndefined();
});
