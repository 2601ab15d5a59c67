const known = new WeakMap<File, string>();

/**
 * SHA-256 of a file, hex. Computed beside the page, in parts: browsers' own digest wants the whole file in memory.
 * @throws Error where the file cannot be read any more
 */
export async function digestOf(file: File, signal: AbortSignal): Promise<string> {
  const found = known.get(file);
  if (found) return found;
  const worker = new Worker(new URL('./digest-worker.ts', import.meta.url), { type: 'module' });
  try {
    const digest = await new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      worker.onerror = () => reject(new Error(`${file.name} could not be read.`));
      worker.onmessage = ({ data }: MessageEvent<{ digest?: string; problem?: string }>) =>
        data.digest ? resolve(data.digest) : reject(new Error(`${file.name} could not be read: ${data.problem}`));
      worker.postMessage(file);
    });
    known.set(file, digest);
    return digest;
  } finally {
    worker.terminate();
  }
}
