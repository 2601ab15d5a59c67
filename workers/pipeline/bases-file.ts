import { SafetensorsFile } from '../../src/safetensors/file.js';
import { writeSafetensors } from '../../src/safetensors/write-file.js';
import { fileOrder, type SafetensorsWriter, type WrittenFile } from '../../src/safetensors/writer.js';

/** Bytes copied at a time. */
const COPY_BYTES = 16 * 1024 * 1024;

/** Join safetensors files with distinct tensor names into one, streaming; metadata is merged. */
export async function joinFiles(paths: readonly string[], target: string): Promise<WrittenFile> {
  const files: SafetensorsFile[] = [];
  try {
    for (const path of paths) files.push(await SafetensorsFile.open(path));
    const tensors = fileOrder(
      files.flatMap((file) => [...file.header.tensors.values()].map((info) => ({ ...info, file }))),
    );
    const metadata = Object.fromEntries(files.flatMap((file) => [...file.header.metadata]));
    const copy = async (writer: SafetensorsWriter) => {
      for (const info of tensors)
        for (let from = 0; from < info.end - info.begin; from += COPY_BYTES)
          await writer.write(await info.file.bytes(info, from, Math.min(from + COPY_BYTES, info.end - info.begin)));
    };
    return await writeSafetensors(target, tensors, copy, { metadata, sync: false });
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}
