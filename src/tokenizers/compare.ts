import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { DataError } from '../errors.js';
import type { Difference } from './files.js';

/** Built program, wherever this runs from: a thread needs JavaScript. */
const PROGRAM = createRequire(import.meta.url).resolve('#tokenizer-thread');
/** Two tokenizers of 64 MiB each as values take some ten times that. */
const MEMORY_MB = 2048;

type Answer = { difference: Difference | null } | { refused: { code: string; message: string } };

let before: Promise<unknown> = Promise.resolve();

/**
 * What the tokenizers of two folders mean differently, found in a thread of its own: the largest take seconds. One at a
 * time, since each may need much memory.
 * @throws DataError for a file that cannot be read as what it is named
 */
export function compareTokenizers(first: string, second: string): Promise<Difference | null> {
  const mine = before.then(() => inThread(first, second));
  before = mine.catch(() => {});
  return mine;
}

async function inThread(first: string, second: string): Promise<Difference | null> {
  const thread = new Worker(PROGRAM, {
    workerData: [first, second],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  try {
    const [answer] = (await once(thread, 'message')) as [Answer];
    if ('refused' in answer) throw new DataError(answer.refused.code, answer.refused.message);
    return answer.difference;
  } finally {
    await thread.terminate();
  }
}
