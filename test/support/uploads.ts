import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFloats } from '../../src/safetensors/dtype.js';
import { rawFile, tensorJson } from './raw-safetensors.js';

/** Where a service listens and keeps its files. */
export interface Target {
  url: string;
  dataDir: string;
}

const FILE = 'model.safetensors';
/** A guard against hanging; what is left after it counts as left. */
const SETTLE_MS = 120_000;

/** A well-formed file of about `bytes`, all of whose values are `value`. */
export function filled(bytes: number, value: number): Buffer {
  const data = encodeFloats(new Float32Array(bytes / 4).fill(value), 'F32');
  const header = rawFile(`{"a":${tensorJson('F32', [bytes / 4], 0, bytes)}}`);
  return Buffer.concat([header, data]);
}

export const digestOf = (bytes: Buffer) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;
const hexOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Begin an upload, send its first `cut` bytes, and go away. */
export async function cutUpload({ url }: Target, name: string, body: Buffer, cut: number, chunked: boolean) {
  const { port, hostname } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  socket.on('error', () => {});
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  socket.write(`PUT /v1/checkpoints/${name}/files/${FILE} HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n`);
  const part = body.subarray(0, cut);
  const sent = chunked
    ? Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
    : part;
  if (cut > 0 || !chunked) await new Promise((done) => socket.write(sent, done));
  // Half are closed in order, half reset: a server sees either.
  if (cut % 131_072 === 0) socket.end();
  else socket.resetAndDestroy();
  await sleep(5);
  socket.destroy();
}

/** Wait until no upload is under way in a checkpoint; what is left of its files, unfinished ones included. */
export async function settled({ dataDir }: Target, name: string): Promise<string[]> {
  const folder = path.join(dataDir, 'checkpoints', name);
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const files = await readdir(folder, { recursive: true }).catch(() => []);
    const underWay =
      files.some((file) => file.includes('upload-')) || (files.length === 1 && files[0] === '.weightfold');
    if (!underWay || Date.now() > deadline) return files;
    await sleep(20);
  }
}

/** What is wrong with a checkpoint that must hold one file, whole, with one of the given contents. */
export async function damage({ url, dataDir }: Target, name: string, allowed: Buffer[]): Promise<string | undefined> {
  const reply = await fetch(`${url}/v1/checkpoints/${name}`);
  const body = (await reply.json()) as { files?: { sha256: string; size: number }[]; tensors?: unknown[] };
  const entry = body.files?.[0];
  if (reply.status !== 200 || body.files?.length !== 1 || !entry) return `answered ${reply.status}`;
  const match = allowed.find((bytes) => hexOf(bytes) === entry.sha256);
  if (!match || entry.size !== match.length || body.tensors?.length !== 1) return `described as ${entry.sha256}`;
  const onDisk = await readFile(path.join(dataDir, 'checkpoints', name, FILE));
  if (!allowed.some((bytes) => bytes.equals(onDisk))) return 'a file on disk that nobody sent';
  return undefined;
}

export async function put({ url }: Target, name: string, body: Buffer, headers: Record<string, string> = {}) {
  const reply = await fetch(`${url}/v1/checkpoints/${name}/files/${FILE}`, {
    method: 'PUT',
    body: new Uint8Array(body),
    headers,
  });
  return { status: reply.status, body: (await reply.json()) as { code?: string; sha256?: string } };
}

const STEP = 64 * 1024;

/**
 * Cut an upload of `bytes` at every 64 KiB, announced or chunked by turns, once where nothing was and once over a file
 * that is there. @returns how many uploads were cut, and what was damaged
 */
export async function cutEverywhere(target: Target, bytes: number) {
  const [before, body] = [filled(bytes, 1), filled(bytes, 2)];
  await put(target, 'cut-over', before);
  const damaged: string[] = [];
  let cuts = 0;
  for (let cut = 0; cut < body.length; cut += STEP) {
    const chunked = (cut / STEP) % 2 === 1;
    for (const name of ['cut-new', 'cut-over']) await cutUpload(target, name, body, cut, chunked);
    cuts += 2;
    const left = await settled(target, 'cut-new');
    const reply = await fetch(`${target.url}/v1/checkpoints/cut-new`);
    await reply.body?.cancel();
    if (reply.status !== 404 || left.length > 0) damaged.push(`at ${cut}: ${reply.status}, left ${left}`);
    await settled(target, 'cut-over');
    const wrong = await damage(target, 'cut-over', [before]);
    if (wrong) damaged.push(`over a file at ${cut}: ${wrong}`);
  }
  return { cuts, damaged };
}

/** `writers` clients replace one file `rounds` times each while it is read. @returns uploads and what was damaged */
export async function writeConcurrently(target: Target, writers: number, rounds: number, bytes: number) {
  const contents = Array.from({ length: writers }, (_, i) => filled(bytes + 4 * i, i));
  const damaged: string[] = [];
  await put(target, 'contested', contents[0]);
  let writing = true;
  const reader = async () => {
    while (writing) {
      const reply = await fetch(`${target.url}/v1/checkpoints/contested`);
      const { files } = (await reply.json()) as { files?: { sha256: string; size: number }[] };
      const match = contents.find((content) => hexOf(content) === files?.[0]?.sha256);
      if (files?.length !== 1 || match?.length !== files[0].size)
        damaged.push(`while writing: ${JSON.stringify(files)}`);
    }
  };
  const reading = reader();
  const write = async (content: Buffer) => {
    for (let round = 0; round < rounds; round++) {
      const { status, body } = await put(target, 'contested', content, { 'content-digest': digestOf(content) });
      if (status !== 201 || body.sha256 !== hexOf(content)) damaged.push(`a writer got ${status} ${body.code}`);
      const wrong = await damage(target, 'contested', contents);
      if (wrong) damaged.push(wrong);
    }
  };
  await Promise.all(contents.map(write));
  writing = false;
  await reading;
  return { uploads: writers * rounds, damaged };
}

/** Uploads that announce the hash of something else. @returns how many were refused, and what was damaged */
export async function sendWrongDigests(target: Target, count: number) {
  const before = filled(4096, 1);
  const damaged: string[] = [];
  await put(target, 'announced', before);
  for (let i = 0; i < count; i++) {
    const body = filled(65_536 * (1 + (i % 8)), 2);
    const { status, body: problem } = await put(target, 'announced', body, {
      'content-digest': digestOf(body.subarray(0, body.length - 1 - i)),
    });
    if (status !== 400 || problem.code !== 'digest_mismatch') damaged.push(`answered ${status} ${problem.code}`);
    const wrong = await damage(target, 'announced', [before]);
    if (wrong) damaged.push(wrong);
  }
  return { refused: count, damaged };
}
