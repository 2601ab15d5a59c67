import { spawn } from 'node:child_process';
import { afterAll, expect, it, vi } from 'vitest';
import { Pulse } from '../../workers/pulse.js';
import { PATIENCE_MS } from '../support/patience.js';

/** A process that computes and says nothing. */
const child = spawn(process.execPath, ['-e', 'for (;;);']);
afterAll(() => void child.kill('SIGKILL'));

it.runIf(process.platform === 'linux')('tells a process that computes from one that is stopped', async () => {
  const pulse = new Pulse(child.pid as number);
  await pulse.look();
  await vi.waitFor(async () => {
    await pulse.look();
    expect(pulse.missed).toBe(0);
  }, PATIENCE_MS);
  child.kill('SIGSTOP');
  await vi.waitFor(async () => {
    await pulse.look();
    expect(pulse.missed).toBeGreaterThan(2);
  }, PATIENCE_MS);
  pulse.heard();
  await pulse.look();
  expect(pulse.missed).toBe(0);
  await pulse.look();
  expect(pulse.missed).toBe(1);
});
