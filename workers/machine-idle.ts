import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long the cores are watched. */
const WATCHED_MS = 1_000;
/** Share of the cores' time that must be nobody's: what measures, and the service itself, take little. */
const IDLE_SHARE = 0.85;

type Times = Pick<os.CpuInfo['times'], 'idle' | 'user' | 'nice' | 'sys' | 'irq'>;

/** Share of the cores' time between two readings in which they had nothing to do; 0 where no time passed. */
export function idleShare(before: readonly { times: Times }[], after: readonly { times: Times }[]): number {
  const sum = (cores: readonly { times: Times }[], of: (times: Times) => number) =>
    cores.reduce((total, { times }) => total + of(times), 0);
  const all = ({ idle, user, nice, sys, irq }: Times) => idle + user + nice + sys + irq;
  const total = sum(after, all) - sum(before, all);
  return total > 0 ? (sum(after, ({ idle }) => idle) - sum(before, ({ idle }) => idle)) / total : 0;
}

/** Whether this machine has nothing to do, watched for a second. */
export async function machineIsIdle(): Promise<boolean> {
  const before = os.cpus();
  await sleep(WATCHED_MS, undefined, { ref: false });
  return idleShare(before, os.cpus()) >= IDLE_SHARE;
}
