import { type Config, loadConfig } from './config.js';
import { WeightfoldError } from './errors.js';
import { redact } from './redact.js';

/**
 * Run a service until SIGTERM or SIGINT, close it within `seconds`, exit. A second signal exits at once.
 * Errors at start are one readable line, not a stack.
 */
export async function runUntilSignal(
  start: () => Promise<{ close: () => Promise<void> }>,
  seconds: number,
): Promise<void> {
  // As Node would show it, the error's properties included, a secret might be among them.
  process.on('uncaughtException', (error) => end((error as Error).stack ?? String(error)));
  let running: { close: () => Promise<void> };
  try {
    running = await start();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const expected = error instanceof WeightfoldError || code === 'EADDRINUSE' || code === 'EACCES';
    return end((expected ? (error as Error).message : (error as Error).stack) ?? String(error));
  }
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), seconds * 1000).unref();
    running.close().then(
      () => process.exit(0),
      (error: Error) => end(error.stack ?? String(error)),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Settings of this program; where they are wrong it says so and ends. */
export function loadConfigOrExit(): Config {
  try {
    return loadConfig();
  } catch (error) {
    return end((error as Error).message);
  }
}

function end(why: string): never {
  process.stderr.write(`weightfold: ${redact(why)}\n`);
  process.exit(1);
}
