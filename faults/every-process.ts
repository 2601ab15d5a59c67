import { type ChildProcess, execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobEvent } from '../src/schemas/event.js';
import { type Row, seconds } from './figures.js';
import { bytesOf, chainSpec, compareAll, noise, writeChain } from './merges.js';
import { Service } from './service.js';

const KINDS = ['API', 'worker', 'compute process', 'Redis'] as const;
type Kind = (typeof KINDS)[number];

const MERGES = 20;
/** Of each kind: at a random moment, and (then twice) right after its replacement has begun to start. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 3);
const LAYERS = 3;
const WIDTHS = [200, 320, 448];
/** A random moment of the work, and of a start. */
const WORK_MS = 2_000;
const START_MS = 400;
/** What keeps the service running (systemd, Docker) starts it again this long after it has ended. */
const RELAUNCH_MS = 200;
const LOOK_MS = 20_000;

/** kill -9 of each kind of process of `npm start`, over 20 merges, with a client that repeats what was not answered. */
export async function everyProcess(): Promise<Row[]> {
  const service = await Service.start({}, undefined, 'src/start.js');
  const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1e6);
  const random = noise(seed);
  const upTo = (ms: number) => (random() + 0.5) * ms;
  const supervisor = supervise(service);
  try {
    await writeChain(service, 'a', 448, LAYERS);
    await writeChain(service, 'bb', 448, LAYERS);
    const specs = WIDTHS.map((width) => ({
      ...chainSpec(['a', 'bb'], LAYERS, width, '2MB'),
      max_attempts: 10, // each kill of a compute process is a failed attempt
    }));
    const expected: string[] = [];
    for (const spec of specs) {
      const id = await service.submit(spec);
      await service.ended(id);
      expected.push(await bytesOf(service, id));
    }
    const jobs: { id: string; expected: string }[] = [];
    const killed = new Map<Kind, { working: number; starting: number }>();
    const actions = Array.from({ length: 2 * ROUNDS }, (_, round) =>
      KINDS.map((kind) => ({ kind, atStart: round % 2 === 1 })),
    ).flat();
    for (const [i, { kind, atStart }] of actions.entries()) {
      while (jobs.length < ((i + 1) * MERGES) / actions.length) {
        const which = jobs.length % specs.length;
        jobs.push({ id: await submit(service, specs[which], `merge-${jobs.length}`), expected: expected[which] });
      }
      const count = killed.get(kind) ?? { working: 0, starting: 0 };
      killed.set(kind, count);
      const first = await find(service, kind);
      await sleep(upTo(WORK_MS));
      if (kill(first)) count.working++;
      if (!atStart) continue;
      const second = await find(service, kind, first);
      await sleep(upTo(START_MS));
      if (kill(second)) count.starting++;
    }
    const from = Date.now();
    await Promise.all(jobs.map(({ id }) => service.ended(id)));
    const took = Date.now() - from;
    let endings = 0;
    for (const { id } of jobs) {
      const { data } = await service.get<{ data: JobEvent[] }>(`/v1/jobs/${id}/events?limit=1000`);
      endings += data.filter(({ type }) => /succeeded|failed|cancelled/.test(type)).length;
    }
    const held = supervisor.unasked === 0;
    return [
      ...KINDS.map((kind) => {
        const { working = 0, starting = 0 } = killed.get(kind) ?? {};
        const seen = `${working} times at a random moment, ${starting} while it started`;
        return { what: `${kind} killed`, seen, bound: '≥ 1, ≥ 1', ok: working > 0 && starting > 0 };
      }),
      ...(await compareAll(service, jobs)),
      { what: 'ends told of', seen: `${endings}`, bound: `${MERGES}`, ok: endings === MERGES },
      { what: 'times the service ended by itself', seen: `${supervisor.unasked}`, bound: '0', ok: held },
      { what: 'from the last kill until all had ended', seen: seconds(took), bound: '', ok: true },
      { what: 'seed', seen: `${seed}`, bound: '', ok: true },
    ];
  } finally {
    supervisor.stop();
    await service.close();
  }
}

/** Start the service again whenever it has ended, as systemd or Docker would. */
function supervise(service: Service): { unasked: number; stop: () => void } {
  let stopped = false;
  const watch = (child: ChildProcess) =>
    child.once('exit', async (_, signal) => {
      if (stopped) return;
      if (signal !== 'SIGKILL') state.unasked++;
      await sleep(RELAUNCH_MS);
      if (!stopped) watch(service.launchApi());
    });
  const state = {
    unasked: 0,
    stop: () => {
      stopped = true;
    },
  };
  watch(service.api as ChildProcess);
  return state;
}

/** Submit until it is answered; a repeated request names the same job. */
async function submit(service: Service, spec: Parameters<Service['post']>[0], key: string): Promise<string> {
  for (;;) {
    const reply = await service.post(spec, key).catch(() => undefined);
    if (reply && reply.status < 300) return reply.body.id;
    await sleep(100);
  }
}

/** A process of a kind, other than `before`. */
async function find(service: Service, kind: Kind, before?: number): Promise<number | undefined> {
  const deadline = Date.now() + LOOK_MS;
  while (Date.now() < deadline) {
    const pid = pidOf(service, kind);
    if (pid !== undefined && pid !== before) return pid;
    await sleep(10);
  }
  return undefined;
}

function pidOf({ api, dataDir }: Service, kind: Kind): number | undefined {
  if (kind === 'API') return api?.signalCode === null && api.exitCode === null ? api.pid : undefined;
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args=']).toString().trim().split('\n');
  const all = lines.map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)?.slice(1) ?? []);
  const below = (parent: number | undefined, name: string) =>
    Number(all.find(([, ppid, args]) => Number(ppid) === parent && args.includes(name))?.[0]) || undefined;
  if (kind === 'Redis')
    return Number(all.find(([, , args]) => args?.includes('redis-server') && args.includes(dataDir))?.[0]) || undefined;
  const worker = below(api?.pid, 'workers/worker.js');
  return kind === 'worker' ? worker : worker && below(worker, 'workers/compute-program.js');
}

function kill(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL');
  } catch {
    return false; // it has ended meanwhile
  }
}
