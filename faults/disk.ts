import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Row, Skipped } from './figures.js';
import { bytesOf, chainSpec, writeChain } from './merges.js';
import { OwnRedis } from './processes.js';
import { Service } from './service.js';

const MB = 1024 * 1024;

/** A small file system of its own. @throws Skipped where this user may not mount one */
async function smallDisk(megabytes: number): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'wf-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    await rm(folder, { recursive: true });
    throw new Skipped(`a small file system cannot be mounted (${(error as Error).message.split('\n')[0]}).`);
  }
  return {
    folder,
    remove: async () => {
      execFileSync('umount', ['-l', folder]);
      await rm(folder, { recursive: true });
    },
  };
}

/** Use up a file system; `leave` bytes stay free. */
async function fill(folder: string, leave = 0): Promise<string> {
  const file = path.join(folder, 'filler');
  const { bavail, bsize } = await statfs(folder);
  await writeFile(file, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
  return file;
}

/** ENOSPC for uploads, for what jobs write, and for the queue's log. */
export async function disk(): Promise<Row[]> {
  return [...(await uploadsAndOutputs()), ...(await queueLog())];
}

async function uploadsAndOutputs(): Promise<Row[]> {
  const { folder, remove } = await smallDisk(48);
  const queue = await mkdtemp(path.join(os.tmpdir(), 'wf-queue-'));
  const redis = new OwnRedis(queue);
  await redis.start();
  const data = path.join(folder, 'data');
  const service = await Service.start({ REDIS_URL: redis.url, MIN_FREE_BYTES: '0' }, data);
  const rows: Row[] = [];
  const see = (what: string, seen: string, bound: string) => rows.push({ what, seen, bound, ok: seen === bound });
  try {
    const put = (bytes: number) =>
      fetch(`${service.url}/v1/checkpoints/big/files/data.txt`, {
        method: 'PUT',
        // A stream: its length is not announced, so only the disk can tell.
        body: new ReadableStream({
          start(controller) {
            for (let sent = 0; sent < bytes; sent += MB) controller.enqueue(new Uint8Array(MB));
            controller.close();
          },
        }),
        duplex: 'half',
      } as RequestInit);
    const refused = await put(96 * MB);
    see(
      'upload larger than the disk',
      `${refused.status} ${((await refused.json()) as { code: string }).code}`,
      '507 storage_full',
    );
    see('what is left of it', `${existsSync(path.join(data, 'checkpoints/big/data.txt'))}`, 'false');
    see('a smaller upload then', `${(await put(MB)).status}`, '201');
    await writeChain(service, 'a', 512, 3);
    const spec = chainSpec(['a', 'a'], 3, 512);
    const undisturbed = await service.submit(spec);
    service.startWorker();
    await service.ended(undisturbed);
    const expected = await bytesOf(service, undisturbed);
    await fetch(`${service.url}/v1/jobs/${undisturbed}`, { method: 'DELETE' });
    for (const [what, leave] of [
      ['nothing left', 0],
      ['room for a basis only', 3 * MB],
    ] as const) {
      service.signal(service.workers[0], 'SIGSTOP');
      const id = await service.submit({ ...spec, max_attempts: 2 });
      const filler = await fill(folder, leave);
      service.signal(service.workers[0], 'SIGCONT');
      // With no byte left not even the end can be written; it is once there is room.
      await Promise.race([service.ended(id), sleep(20_000)]);
      await rm(filler);
      const job = await service.ended(id);
      if (job.error?.code !== 'storage_full') console.error(`  ${JSON.stringify(job.error)}`);
      see(`job with ${what}`, `${job.status} ${job.error?.code}`, 'failed storage_full');
      const left = await readdir(path.join(data, 'jobs', id));
      see('its artifacts and intermediate files', `${left.filter((n) => /artifacts|steps/.test(n)).length}`, '0');
      const retried = await fetch(`${service.url}/v1/jobs/${id}/retry`, { method: 'POST' });
      const again = await service.ended(((await retried.json()) as { id: string }).id);
      const same = again.status === 'succeeded' && (await bytesOf(service, again.id)) === expected;
      see('retried with space', `${again.status}, bytes ${same ? 'equal' : 'differ'}`, 'succeeded, bytes equal');
      await fetch(`${service.url}/v1/jobs/${again.id}`, { method: 'DELETE' });
    }
    return rows;
  } finally {
    await service.close().catch(() => {});
    await redis.kill();
    await remove();
    await rm(queue, { recursive: true, force: true });
  }
}

async function queueLog(): Promise<Row[]> {
  const { folder, remove } = await smallDisk(16);
  const redis = new OwnRedis(folder);
  await redis.start();
  const service = await Service.start({ REDIS_URL: redis.url });
  try {
    await writeChain(service, 'a', 64, 2);
    const spec = chainSpec(['a', 'a'], 2, 48);
    const first = await service.submit(spec);
    service.startWorker();
    await service.ended(first);
    const filler = await fill(folder);
    const accepted = [await service.submit(spec)].filter(Boolean);
    let refused = '';
    for (let i = 0; i < 100 && refused === ''; i++) {
      const { status, body } = await service.post(spec);
      if (status === 202) accepted.push(body.id);
      else refused = `${status} ${body.code}`;
      await sleep(100);
    }
    await rm(filler);
    const ended = await Promise.all(accepted.map((id) => service.ended(id)));
    const succeeded = ended.filter(({ status }) => status === 'succeeded').length;
    const { status } = await service.ended(await service.submit(spec));
    return [
      {
        what: 'submission while the queue cannot log',
        seen: refused,
        bound: '503 queue_unavailable',
        ok: refused === '503 queue_unavailable',
      },
      {
        what: 'acknowledged jobs that succeeded with space',
        seen: `${succeeded} of ${accepted.length}`,
        bound: 'all',
        ok: succeeded === accepted.length,
      },
      { what: 'a job after that', seen: status, bound: 'succeeded', ok: status === 'succeeded' },
    ];
  } finally {
    await service.close();
    await redis.kill();
    await remove();
  }
}
