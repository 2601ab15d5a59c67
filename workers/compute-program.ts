import { type Answer, type Ask, packError, type StepToRun } from './compute-messages.js';

/** How often a process says that it lives while it runs a step. Products on pool threads do not keep it from that. */
const ALIVE_MS = 2_000;

// Without its worker nobody renews the lock: whoever takes the step over must not meet this process still writing.
process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches every process of a terminal. The worker says when this one ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

const say = (answer: Answer) => new Promise<void>((resolve) => process.send?.(answer, () => resolve()));

let stop: AbortController | undefined;
process.on('message', (ask: Ask) => {
  if ('abort' in ask) stop?.abort(ask.abort);
  else void run(ask.run);
});

/** One step at a time. */
async function run(step: StepToRun): Promise<void> {
  stop = new AbortController();
  const { signal } = stop;
  const alive = setInterval(() => void say({ alive: true }), ALIVE_MS);
  try {
    // What it needs is loaded with the first step, so that an error there is the step's.
    const { runStep } = await import('./run-step.js');
    await say({ began: true });
    await say({ done: (await runStep(step, signal)) ?? null });
  } catch (error) {
    await say({ failed: packError(error) });
  } finally {
    clearInterval(alive);
  }
}

process.once('uncaughtException', (error) => {
  // Nothing that this process holds can be relied on any more.
  void say({ failed: packError(error) }).then(() => process.exit(1));
});
