import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { Redis } from 'ioredis';

/** A Redis server of a test's own. */
export interface RedisServer {
  port: number;
  /** A client that may do everything. */
  client: Redis;
  stop: () => Promise<void>;
}

export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = net.createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** @param settings as on the command line of redis-server */
export async function startRedis(folder: string, settings: Record<string, string> = {}): Promise<RedisServer> {
  const port = await freePort();
  const all: Record<string, string> = { port: `${port}`, dir: folder, save: '', bind: '127.0.0.1 -::1', ...settings };
  const args = Object.entries(all).flatMap(([name, value]) => [
    `--${name}`,
    ...(value === '' ? [''] : value.split(' ')),
  ]);
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const client = new Redis({
    port,
    password: settings.requirepass,
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  client.on('error', () => {});
  await client.ping();
  return {
    port,
    client,
    stop: async () => {
      client.disconnect();
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
