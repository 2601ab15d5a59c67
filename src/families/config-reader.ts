import { SpecError } from '../errors.js';

export type Config = Record<string, unknown>;

/**
 * Reads single values of a config.json. A value of another type or outside its range is refused and names its key; it is
 * never replaced by the default, which counts only where the key is absent.
 */
export class ConfigReader {
  private readonly config: Config;
  private readonly pointer: string;
  private readonly where: string;

  /**
   * @param pointer where the config came from, for messages, e.g. `/sources/0`
   * @param where the object that holds the keys, for messages
   */
  constructor(config: Config, pointer: string, where = 'config.json') {
    this.config = config;
    this.pointer = pointer;
    this.where = where;
  }

  /** The value as it stands; undefined where the key is absent. */
  value(key: string): unknown {
    return Object.hasOwn(this.config, key) ? this.config[key] : undefined;
  }

  private or(key: string, fallback: unknown): unknown {
    const value = this.value(key);
    return value === undefined ? fallback : value;
  }

  /** The error to throw for a key whose value cannot be used. */
  invalid(key: string, must: string): SpecError {
    const value = this.value(key);
    const message =
      value === undefined
        ? `${this.where} lacks ${key}; it must be ${must}.`
        : `${key} of ${this.where} is ${shown(value)}; it must be ${must}.`;
    return new SpecError('config_invalid', message, this.pointer);
  }

  /** A positive integer. Absent and without a default: refused. */
  size(key: string, fallback?: unknown): number {
    const value = this.or(key, fallback);
    if (!isInteger(value) || value < 1) throw this.invalid(key, 'a positive integer');
    return value;
  }

  /** A positive integer; null where the value, or the default of an absent key, is null. */
  optionalSize(key: string, fallback: unknown = null): number | null {
    const value = this.or(key, fallback);
    if (value === null) return null;
    if (!isInteger(value) || value < 1) throw this.invalid(key, 'a positive integer or null');
    return value;
  }

  /** An integer in [low, high]. */
  integer(key: string, fallback: number, low: number, high = Number.MAX_SAFE_INTEGER): number {
    const value = this.or(key, fallback);
    if (!isInteger(value) || value < low || value > high)
      throw this.invalid(
        key,
        high === Number.MAX_SAFE_INTEGER ? `an integer of at least ${low}` : `an integer in ${low}…${high}`,
      );
    return value;
  }

  /** A finite number above (`exclusive`) or from `low` on. Absent and without a default: refused. */
  number(key: string, fallback: number | undefined, low: number, { exclusive = false } = {}): number {
    const value = this.or(key, fallback);
    if (typeof value !== 'number' || !Number.isFinite(value) || value < low || (exclusive && value === low))
      throw this.invalid(key, exclusive ? `a number above ${low}` : `a number of at least ${low}`);
    return value;
  }

  /** As `number`, but null where the key is absent or null. */
  optionalNumber(key: string, low: number, options?: { exclusive?: boolean }): number | null {
    return this.value(key) === undefined || this.value(key) === null ? null : this.number(key, undefined, low, options);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.or(key, fallback);
    if (typeof value !== 'boolean') throw this.invalid(key, 'true or false');
    return value;
  }
}

const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);

/** Characters of a value that a message shows: a config.json may hold megabytes under one key. */
const SHOWN = 80;

/** A value of a config.json as a message shows it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
