import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel, most, percentile, type Row, seconds } from './figures.js';
import { chainSpec, writeChain } from './merges.js';
import { Service } from './service.js';
import { openStreams } from './streams.js';

const POLLERS = 1_000;
const POLL_SECONDS = 15;
const SLOW = 500;
const STREAMS = 200;

/**
 * Many pollers and event streams at once, while the jobs they follow are cancelled one after the other; then clients
 * that send a byte a second, half of them in headers, half in a body.
 */
export async function load(): Promise<Row[]> {
  const service = await Service.start();
  try {
    await writeChain(service, 'a', 8, 2);
    const spec = chainSpec(['a', 'a'], 2, 6);
    const ids = await Promise.all(Array.from({ length: 20 }, () => service.submit(spec)));
    const streams = openStreams(service.url, ids, STREAMS);
    const cancelling = cancelInTurn(service, ids);
    const polled = await pollers(service, ids);
    await cancelling;
    return [...polled, ...(await streams), ...(await slowloris(service))];
  } finally {
    await service.close();
  }
}

async function cancelInTurn({ url }: Service, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await sleep((POLL_SECONDS * 1000) / (ids.length + 1));
    await fetch(`${url}/v1/jobs/${id}/cancel`, { method: 'POST' });
  }
}

async function pollers({ url }: Service, ids: string[]): Promise<Row[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: POLLERS });
  const times: number[] = [];
  let errors = 0;
  const until = Date.now() + POLL_SECONDS * 1000;
  await inParallel(
    Array.from({ length: POLLERS }, (_, i) => i),
    POLLERS,
    async (i) => {
      await sleep((i / POLLERS) * 1000);
      while (Date.now() < until) {
        const from = performance.now();
        const status = await request(`${url}/v1/jobs/${ids[i % ids.length]}`, agent).catch(() => 0);
        if (status === 200) times.push(performance.now() - from);
        else errors++;
        await sleep(1000);
      }
    },
  );
  agent.destroy();
  const p99 = percentile(times, 0.99);
  return [
    {
      what: `${POLLERS} pollers, one request a second each, p99`,
      seen: `${p99.toFixed(0)} ms of ${times.length} requests`,
      bound: '< 1 s',
      ok: p99 < 1000,
    },
    { what: 'their errors', seen: `${errors}`, bound: '0', ok: errors === 0 },
  ];
}

function request(url: string, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = http.get(url, { agent }, (reply) => {
      reply.resume().on('end', () => resolve(reply.statusCode ?? 0));
    });
    asked.on('error', reject);
  });
}

async function slowloris({ url }: Service): Promise<Row[]> {
  const { port } = new URL(url);
  const closed: number[] = [];
  const sockets = Array.from({ length: SLOW }, (_, i) => {
    const socket = net.connect(Number(port), '127.0.0.1');
    const from = Date.now();
    const start =
      i % 2 === 0
        ? 'POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\nx-slow: '
        : 'POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{';
    socket.write(start);
    const drip = setInterval(() => socket.write(' '), 1000);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(drip);
      closed.push(Date.now() - from);
    });
    socket.resume();
    return socket;
  });
  const others: number[] = [];
  const deadline = Date.now() + 30_000;
  while (closed.length < SLOW && Date.now() < deadline) {
    const from = performance.now();
    await fetch(`${url}/healthz`);
    others.push(performance.now() - from);
    await sleep(25);
  }
  for (const socket of sockets) socket.destroy();
  const [last, p99] = [most(closed), percentile(others, 0.99)];
  return [
    {
      what: `${SLOW} slow clients closed after at most`,
      seen: `${closed.length} in ${seconds(last)}`,
      bound: '≤ 15 s',
      ok: closed.length === SLOW && last <= 15_000,
    },
    {
      what: 'others meanwhile, p99',
      seen: `${p99.toFixed(0)} ms of ${others.length}`,
      bound: '< 250 ms',
      ok: p99 < 250,
    },
  ];
}
