import { vi } from 'vitest';

/**
 * How long anything is waited for: a guard against hanging, a little below the tests' own limit. A shorter one would make
 * the verdict depend on how busy the machine is.
 */
export const PATIENCE_MS = 240_000;

/** Wait until `condition` gives something true, and return it. */
export const eventually = <T>(condition: () => T | Promise<T>, interval = 25) =>
  vi.waitUntil(condition, { timeout: PATIENCE_MS, interval });
