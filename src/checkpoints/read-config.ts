import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { SpecError } from '../errors.js';
import { isMissing } from '../store/files.js';
import type { LocatedSource } from './locate-source.js';

export const CONFIG_FILE = 'config.json';

/** config.json of a checkpoint folder; undefined where there is none. @throws SpecError when it is not a JSON object */
export async function readConfig(
  { label, location }: LocatedSource,
  pointer: string,
): Promise<Record<string, unknown> | undefined> {
  if (!(await stat(location)).isDirectory()) return undefined;
  let text: string;
  try {
    text = await readFile(path.join(location, CONFIG_FILE), 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const refuse = () => new SpecError('config_invalid', `config.json of ${label} is not a JSON object.`, pointer);
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw refuse();
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) throw refuse();
  return config as Record<string, unknown>;
}
