import { type Logger as PinoLogger, pino } from 'pino';
import type { Config } from './config.js';

export type Logger = Pick<PinoLogger, 'info' | 'warn' | 'error' | 'debug'>;

/** JSON lines on standard output; `name` tells API and worker apart. */
export const createLogger = (config: Config, name: string): PinoLogger => pino({ name, level: config.LOG_LEVEL });
