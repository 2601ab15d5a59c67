import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import type { Config } from './config.js';
import { redact } from './redact.js';
import { inLines } from './schemas/printable.js';

export type Logger = Pick<PinoLogger, 'info' | 'warn' | 'error' | 'debug'>;

/** Repeated complaints of one lost connection are logged once in this time. */
const QUIET_MS = 10_000;

/** Logs errors of a connection that is tried again and again: one line per outage, not one per attempt. */
export function quietly(log: Logger): (error: Error) => void {
  let until = 0;
  return (error) => {
    if (Date.now() < until) return;
    until = Date.now() + QUIET_MS;
    log.warn({ err: error }, 'queue connection');
  };
}

/** JSON lines on standard output; `name` tells API and worker apart. Secrets do not get into them. */
export const createLogger = (config: Config, name: string, stream?: DestinationStream): PinoLogger =>
  pino(
    {
      name,
      level: config.LOG_LEVEL,
      // Within JSON both forms mean the same; a terminal obeys only the raw one.
      hooks: { streamWrite: (line) => inLines(redact(line)) },
    },
    ...(stream ? [stream] : []),
  );
