import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROGRAM = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

export function startProgram(name: string, env: NodeJS.ProcessEnv): ChildProcess {
  return fork(PROGRAM(name), { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

export const isAlive = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isAlive(child)) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

/** A process and everything below it. */
export function family(pid: number): number[] {
  const pairs = execFileSync('ps', ['-A', '-o', 'pid=,ppid='])
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) for (const [child, of] of pairs) if (of === parent) found.push(child);
  return found;
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A Redis of the suite's own, so that it can stay down as long as a fault says. */
export class OwnRedis {
  readonly url: string;
  private readonly folder: string;
  private child: ChildProcess | undefined;

  constructor(folder: string) {
    this.folder = folder;
    this.url = `unix://${path.join(folder, 'r.sock')}`;
  }

  async start(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const settings = { port: '0', unixsocket: path.join(this.folder, 'r.sock'), dir: this.folder, appendonly: 'yes' };
    const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
    this.child = spawn('redis-server', [...args, '--save', ''], { stdio: 'ignore' });
    for (let i = 0; i < 500; i++) {
      if (await this.answers()) return;
      await sleep(20);
    }
    throw new Error('Redis did not start.');
  }

  async kill(): Promise<void> {
    if (this.child) await end(this.child, 'SIGKILL');
  }

  private answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = net.connect(path.join(this.folder, 'r.sock'));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.write('PING\r\n'));
      socket.on('data', (data) => {
        socket.destroy();
        resolve(data.toString().startsWith('+PONG'));
      });
    });
  }
}
