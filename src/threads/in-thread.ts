import { availableParallelism } from 'node:os';
import type { TASKS } from './tasks.js';
import { ThreadPool } from './thread-pool.js';

/** The threads run the built program, also for tests that run this module from its source. */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/src/threads/thread.js' : './thread.js',
  import.meta.url,
);
/** One long reading is not to hold up everybody's; more threads than cores would. */
const THREADS = Math.max(2, Math.min(4, availableParallelism()));
/** Planning over 250 000 tensors takes some 600 MB. */
const HEAP_MIB = 2048;

const pool = new ThreadPool(PROGRAM, THREADS, HEAP_MIB);

type Tasks = typeof TASKS;

/**
 * Do work whose time grows with what clients send (headers, JSON, plans) beside the event loop, which answers everybody.
 * Errors arrive as WeightfoldError with code, status and pointers, not as the class that was thrown.
 */
export const inThread = <T extends keyof Tasks>(task: T, input: Parameters<Tasks[T]>[0]): ReturnType<Tasks[T]> =>
  pool.run({ task, input }) as ReturnType<Tasks[T]>;
