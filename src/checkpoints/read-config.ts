import path from 'node:path';
import { SpecError, WeightfoldError } from '../errors.js';
import { parseJson } from '../json/scan.js';
import { HEAD_BYTES, identify } from '../safetensors/identify.js';
import { lookAt, readRegular } from '../store/regular-file.js';
import type { LocatedSource } from './locate-source.js';

export const CONFIG_FILE = 'config.json';
/** The longest there are list the names of some 20 000 classes. */
export const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * config.json of a checkpoint folder; undefined where there is none.
 * @throws SpecError when it is not a regular file, too large, or not a JSON object
 */
export async function readConfig(
  { label, location }: LocatedSource,
  pointer: string,
): Promise<Record<string, unknown> | undefined> {
  if (!(await lookAt(location)).isDirectory()) return undefined;
  let text: string;
  try {
    text = await readRegular(path.join(location, CONFIG_FILE), MAX_CONFIG_BYTES);
  } catch (error) {
    if (!(error instanceof WeightfoldError)) throw error;
    if (error.code === 'file_missing') return undefined;
    throw new SpecError(error.code, `Source ${label}: ${error.message}`, pointer);
  }
  const subject = `config.json of ${label}`;
  let config: unknown;
  try {
    config = parseJson(text, subject);
  } catch (error) {
    const foreign = identify(Buffer.from(text.slice(0, HEAD_BYTES)));
    // Of a text the parser's own reason says more than its first words.
    const said = foreign && foreign.kind !== 'text' ? `${subject} is ${foreign.what}.` : (error as Error).message;
    throw new SpecError('config_invalid', said, pointer);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new SpecError('config_invalid', `${subject} is not a JSON object.`, pointer);
  return config as Record<string, unknown>;
}
