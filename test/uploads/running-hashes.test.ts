import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { RunningHashes } from '../../src/uploads/running-hashes.js';

const bytes = randomBytes(1000);
const digest = createHash('sha256').update(bytes).digest('hex');

async function feed(hashes: RunningHashes, from: number, to: number): Promise<void> {
  const parts = [bytes.subarray(from, (from + to) >> 1), bytes.subarray((from + to) >> 1, to)];
  const seen: Buffer[] = [];
  for await (const chunk of hashes.watch('u', from, Readable.from(parts))) seen.push(chunk);
  expect(Buffer.concat(seen).equals(bytes.subarray(from, to))).toBe(true);
}

describe('the hash of an upload under way', () => {
  it('is that of its bytes, in however many requests', async () => {
    const hashes = new RunningHashes();
    for (const [from, to] of [
      [0, 300],
      [300, 300],
      [300, 1000],
    ] as const)
      await feed(hashes, from, to);
    expect(hashes.take('u', 1000)).toBe(digest);
    expect(hashes.take('u', 1000)).toBeUndefined();
  });

  it.each([
    [
      'bytes came elsewhere',
      [
        [0, 300],
        [500, 1000],
      ],
    ],
    [
      'more was seen than was kept',
      [
        [0, 400],
        [300, 1000],
      ],
    ],
    ['the beginning was not seen', [[300, 1000]]],
    ['the end was not seen', [[0, 300]]],
  ])('is not given where %s', async (_, pieces) => {
    const hashes = new RunningHashes();
    for (const [from, to] of pieces) await feed(hashes, from, to);
    expect(hashes.take('u', 1000)).toBeUndefined();
  });

  it('begins anew with the first byte', async () => {
    const hashes = new RunningHashes();
    await feed(hashes, 0, 700);
    await feed(hashes, 0, 1000);
    expect(hashes.take('u', 1000)).toBe(digest);
  });
});
