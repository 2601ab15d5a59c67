import { WeightfoldError } from './errors.js';

/**
 * Run a service until SIGTERM or SIGINT, close it within `seconds`, exit. A second signal exits at once.
 * Errors at start are one readable line, not a stack.
 */
export async function runUntilSignal(
  start: () => Promise<{ close: () => Promise<void> }>,
  seconds: number,
): Promise<void> {
  let running: { close: () => Promise<void> };
  try {
    running = await start();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const expected = error instanceof WeightfoldError || code === 'EADDRINUSE' || code === 'EACCES';
    process.stderr.write(`weightfold: ${expected ? (error as Error).message : (error as Error).stack}\n`);
    process.exit(1);
  }
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), seconds * 1000).unref();
    running.close().then(
      () => process.exit(0),
      (error) => {
        process.stderr.write(`weightfold: ${(error as Error).stack}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
