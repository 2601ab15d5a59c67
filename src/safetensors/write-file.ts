import { SafetensorsWriter, type TensorSpec, type WrittenFile } from './writer.js';

/**
 * Write a whole safetensors file: `write` is handed what takes the tensors' bytes, in the order given. Where it fails,
 * nothing is left.
 * @param sync as of `SafetensorsWriter.finish`
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSpec[],
  write: (writer: SafetensorsWriter) => Promise<void>,
  { metadata, sync }: { metadata?: Record<string, string>; sync?: boolean } = {},
): Promise<WrittenFile> {
  const writer = await SafetensorsWriter.create(path, tensors, metadata);
  try {
    await write(writer);
    return await writer.finish(sync);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
