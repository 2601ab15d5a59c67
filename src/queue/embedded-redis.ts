import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Config } from '../config.js';
import { WeightfoldError } from '../errors.js';
import type { Logger } from '../log.js';
import { layout } from '../store/layout.js';
import { embeddedSocket } from './redis.js';

/** Servers that speak the protocol, in order of preference. */
const PROGRAMS = ['redis-server', 'valkey-server'];
/** Starting takes about 50 ms; loading a large append-only file takes longer. */
const START_TIMEOUT_MS = 30_000;
const RESTART_DELAY_MS = 500;

/**
 * The system's Redis as a child process: Unix socket only, append-only file in DATA_DIR, no eviction.
 * A server that already answers on the socket (left over from a killed process) is adopted.
 */
export class EmbeddedRedis {
  private readonly config: Config;
  private readonly log: Logger;
  private child: ChildProcess | undefined;
  private stopping = false;

  constructor(config: Config, log: Logger) {
    this.config = config;
    this.log = log;
  }

  /** @throws WeightfoldError `redis_not_found` or `redis_not_ready` */
  async start(): Promise<void> {
    await mkdir(layout(this.config.DATA_DIR).redis, { recursive: true });
    if (await this.answers()) {
      this.log.info('adopted the Redis server that runs for this data folder');
      return;
    }
    for (const program of PROGRAMS) {
      const problem = await this.launch(program);
      if (problem === undefined) return;
      if (problem !== 'ENOENT') throw notReady(program, problem);
    }
    throw new WeightfoldError(
      `No Redis server program was found (${PROGRAMS.join(', ')}). Install one (Debian: apt-get install redis-server; ` +
        'Fedora: dnf install valkey; macOS: brew install redis) or set REDIS_URL.',
      { code: 'redis_not_found', status: 500 },
    );
  }

  /** Save and stop the server, adopted or own. */
  async stop(): Promise<void> {
    this.stopping = true;
    const redis = this.connect();
    const gone = this.child && new Promise((resolve) => this.child?.once('exit', resolve));
    await redis
      .connect()
      .then(
        () => redis.call('SHUTDOWN'),
        () => {},
      )
      .catch(() => {});
    redis.disconnect();
    if (gone) await Promise.race([gone, sleep(5_000, undefined, { ref: false })]);
    if (this.child && isAlive(this.child)) this.child.kill('SIGKILL');
  }

  private async launch(program: string): Promise<string | undefined> {
    const child = spawn(
      program,
      [
        '--port',
        '0',
        '--unixsocket',
        embeddedSocket(this.config.DATA_DIR),
        '--unixsocketperm',
        '700',
        '--dir',
        layout(this.config.DATA_DIR).redis,
        '--appendonly',
        'yes',
        '--save',
        '',
        '--maxmemory-policy',
        'noeviction',
        '--loglevel',
        'warning',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    );
    let output = '';
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const failed = new Promise<string>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      child.once('exit', (code, signal) => resolve(`it exited (${code ?? signal}): ${output.trim()}`));
    });
    const outcome = await this.untilReady(child, failed);
    if (outcome !== undefined) {
      child.kill(); // two servers must never write one log
      return outcome;
    }
    this.child = child;
    this.log.info({ program, pid: child.pid }, 'embedded Redis is ready');
    void failed.then((reason) => this.restart(program, reason));
    return undefined;
  }

  private async restart(program: string, reason: string): Promise<void> {
    while (!this.stopping) {
      this.log.error({ reason }, 'embedded Redis ended; starting it again');
      await sleep(RESTART_DELAY_MS);
      if (this.stopping || (await this.launch(program).catch(String)) === undefined) return;
    }
  }

  private async untilReady(child: ChildProcess, failed: Promise<string>): Promise<string | undefined> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      if (await this.answers()) return undefined;
      if (!isAlive(child)) return failed;
      await sleep(20);
    }
    return `it did not answer within ${START_TIMEOUT_MS / 1000} s`;
  }

  private connect(): Redis {
    const redis = new Redis({
      path: embeddedSocket(this.config.DATA_DIR),
      lazyConnect: true,
      retryStrategy: () => null,
      enableOfflineQueue: false,
    });
    redis.on('error', () => {});
    return redis;
  }

  private async answers(): Promise<boolean> {
    const redis = this.connect();
    try {
      await redis.connect();
      return (await redis.ping()) === 'PONG';
    } catch {
      return false;
    } finally {
      redis.disconnect();
    }
  }
}

const isAlive = ({ pid, exitCode, signalCode }: ChildProcess) =>
  pid !== undefined && exitCode === null && signalCode === null;

const notReady = (program: string, problem: string) =>
  new WeightfoldError(`The embedded ${program} did not start: ${problem}`, { code: 'redis_not_ready', status: 500 });
