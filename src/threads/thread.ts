import { parentPort } from 'node:worker_threads';
import { type Answer, send } from './answer.js';
import { type Request, TASKS } from './tasks.js';

// A thread of `inThread`: answers one request after the other.
parentPort?.on('message', async ({ task, input }: Request) => {
  const answer: Answer = await TASKS[task](input as never).then(
    (value) => ({ value }),
    (error) => ({ error: send(error) }),
  );
  parentPort?.postMessage(answer, buffersOf(answer));
});

/** Bytes change hands; they are not copied. */
function buffersOf(answer: Answer): ArrayBuffer[] {
  const value = 'value' in answer ? answer.value : undefined;
  const parts = value instanceof Uint8Array ? [value] : Object.values(value ?? {});
  return parts.flatMap((part) => (part instanceof Uint8Array ? [part.buffer as ArrayBuffer] : []));
}
