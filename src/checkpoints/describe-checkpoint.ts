import path from 'node:path';
import { SafetensorsFile } from '../safetensors/file.js';
import type { Checkpoint, CheckpointFile } from '../schemas/checkpoint.js';
import { readRegular } from '../store/regular-file.js';
import { readConfig } from './read-config.js';
import { MAX_JSON_BYTES, requireFewTensors } from './reader.js';
import { INDEX_FILE, parseIndex, shardsOf } from './shard-index.js';

export interface DescribeInput {
  name: string;
  folder: string;
  files: CheckpointFile[];
  maxHeaderBytes?: number;
}

/**
 * Files, tensors and family of a checkpoint, as the JSON text (UTF-8) that clients get. Takes time that grows with the
 * tensors.
 * @throws SafetensorsError; DataError `checkpoint_too_large`
 */
export async function describeCheckpoint({ name, folder, files, maxHeaderBytes }: DescribeInput): Promise<Uint8Array> {
  const tensors: Checkpoint['tensors'] = [];
  for (const { file } of files.filter((entry) => entry.file.endsWith('.safetensors'))) {
    const opened = await SafetensorsFile.open(path.join(folder, file), maxHeaderBytes);
    for (const { name, dtype, shape } of opened.header.tensors.values()) tensors.push({ name, dtype, shape, file });
    await opened.close();
    requireFewTensors(tensors.length);
  }
  const checkpoint: Checkpoint = {
    name,
    object: 'checkpoint',
    size: files.reduce((sum, { size }) => sum + size, 0),
    created_at: files.map((entry) => entry.created_at).sort()[0],
    files,
    missing_files: await missingShards(folder, files),
    family: await familyOf(folder),
    tensors,
  };
  return new TextEncoder().encode(JSON.stringify(checkpoint));
}

async function missingShards(folder: string, files: CheckpointFile[]): Promise<string[]> {
  if (!files.some(({ file }) => file === INDEX_FILE)) return [];
  const shards = shardsOf(parseIndex(await readRegular(path.join(folder, INDEX_FILE), MAX_JSON_BYTES)));
  const there = new Set(files.map(({ file }) => file));
  return shards.filter((shard) => !there.has(shard));
}

async function familyOf(folder: string): Promise<string | null> {
  const config = await readConfig({ label: 'it', location: folder }, '').catch(() => undefined);
  return typeof config?.model_type === 'string' ? config.model_type.slice(0, 64) : null;
}
