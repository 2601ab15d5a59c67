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
/** An adopted server may be restarted by the process that started it: two servers must never write one log. */
const ADOPTED_RESTART_DELAY_MS = 1_500;
/** Times a server is started that something kills before it answers. */
const START_ATTEMPTS = 5;
/** What `launch` says of a program that is not installed. */
const NOT_FOUND = 'ENOENT';

/**
 * The system's Redis as a child process: Unix socket only, append-only file in DATA_DIR, no eviction.
 * A server that already answers on the socket (left over from a killed process) is adopted. One that ends is replaced.
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
    const problem = await this.begin();
    if (problem === NOT_FOUND)
      throw new WeightfoldError(
        `No Redis server program was found (${PROGRAMS.join(', ')}). Install one (Debian: apt-get install redis-server; ` +
          'Fedora: dnf install valkey; macOS: brew install redis) or set REDIS_URL.',
        { code: 'redis_not_found', status: 500 },
      );
    if (problem !== undefined)
      throw new WeightfoldError(`The embedded Redis did not start: ${problem}`, {
        code: 'redis_not_ready',
        status: 500,
      });
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

  /** Adopt the server that runs for this folder, or start one. @returns why there is none */
  private async begin(): Promise<string | undefined> {
    const found = this.connect();
    let connected = false;
    found.once('connect', () => {
      connected = true;
    });
    if (await answers(found)) {
      this.log.info('adopted the Redis server that runs for this data folder');
      found.once('end', () => void this.restart('the adopted server is gone', ADOPTED_RESTART_DELAY_MS));
      return undefined;
    }
    const silent = connected && found.status !== 'end';
    found.disconnect();
    if (silent) return `a server that runs for this data folder did not answer within ${START_TIMEOUT_MS / 1000} s`;
    let problem: string | undefined = NOT_FOUND;
    for (const program of PROGRAMS) {
      if (problem !== NOT_FOUND) break;
      problem = await this.launch(program);
    }
    return problem;
  }

  private async launch(program: string, attempts = START_ATTEMPTS): Promise<string | undefined> {
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
      if (child.signalCode !== null && attempts > 1) return this.launch(program, attempts - 1);
      child.kill(); // two servers must never write one log
      return outcome;
    }
    this.child = child;
    this.log.info({ program, pid: child.pid }, 'embedded Redis is ready');
    void failed.then((reason) => this.restart(reason, RESTART_DELAY_MS));
    return undefined;
  }

  private async restart(reason: string, delayMs: number): Promise<void> {
    let problem: string | undefined = reason;
    while (problem !== undefined) {
      if (this.stopping) return;
      this.log.error({ reason: problem }, 'embedded Redis ended; starting it again');
      await sleep(delayMs);
      if (this.stopping) return;
      problem = await this.begin().catch(String);
    }
  }

  private async untilReady(child: ChildProcess, failed: Promise<string>): Promise<string | undefined> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      const redis = this.connect();
      const ready = await answers(redis);
      redis.disconnect();
      if (ready) return undefined;
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
}

/** Whether a server answers. One that loads its log does so afterwards. */
async function answers(redis: Redis): Promise<boolean> {
  const reply = redis
    .connect()
    .then(() => redis.ping())
    .then(
      () => true,
      () => false,
    );
  return Promise.race([reply, sleep(START_TIMEOUT_MS, false, { ref: false })]);
}

const isAlive = ({ pid, exitCode, signalCode }: ChildProcess) =>
  pid !== undefined && exitCode === null && signalCode === null;
