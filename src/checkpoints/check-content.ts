import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { DataError } from '../errors.js';
import { JsonScan, notJson } from '../json/scan.js';
import { SafetensorsFile } from '../safetensors/file.js';
import { type Foreign, headOf, identify } from '../safetensors/identify.js';
import { openRegular } from '../store/regular-file.js';
import { CONFIG_FILE, MAX_CONFIG_BYTES } from './read-config.js';
import { MAX_JSON_BYTES } from './reader.js';
import { INDEX_FILE, parseIndex, shardsOf } from './shard-index.js';

/**
 * A file must be what its name says: safetensors, an index, JSON; and of any other name, no page or pointer in place of
 * a file. Takes time that grows with the file.
 * @param file its name
 * @param location where its bytes are
 * @throws SafetensorsError or DataError
 */
export async function checkContent(file: string, location: string, maxHeaderBytes: number): Promise<void> {
  if (file.endsWith('.safetensors')) await (await SafetensorsFile.open(location, maxHeaderBytes)).close();
  else if (file.endsWith('.json')) await checkJson(file, location);
  else await checkCompanion(file, location);
}

async function checkJson(file: string, location: string): Promise<void> {
  const { size } = await stat(location);
  const most = file === CONFIG_FILE ? MAX_CONFIG_BYTES : MAX_JSON_BYTES;
  if (size > most) throw new DataError('json_too_large', `"${file}" has ${size} bytes; such files may have ${most}.`);
  const scan = new JsonScan();
  try {
    for await (const chunk of createReadStream(location)) scan.push(chunk as Buffer);
    scan.end();
  } catch (error) {
    const foreign = await foreignIn(file, location);
    if (!(error instanceof DataError) || error.code !== 'json_invalid' || !foreign || foreign.kind === 'text')
      throw notJson(error, `"${file}"`);
    throw new DataError('json_invalid', `"${file}" is not JSON: it is ${foreign.what}.`);
  }
  if (file === INDEX_FILE) shardsOf(parseIndex(await readFile(location, 'utf8')));
}

/**
 * A file that travels with a model is not looked into, but it is none of the things that are downloaded by mistake.
 * @throws DataError `content_unexpected`
 */
export async function checkCompanion(file: string, location: string): Promise<void> {
  const foreign = await foreignIn(file, location);
  if (foreign?.kind === 'mistake')
    throw new DataError('content_unexpected', `"${file}" is not what its name says: it is ${foreign.what}.`);
}

async function foreignIn(file: string, location: string): Promise<Foreign | undefined> {
  const handle = await openRegular(location, file);
  return identify(await headOf(handle).finally(() => handle.close()));
}
