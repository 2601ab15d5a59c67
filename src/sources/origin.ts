import type { Readable } from 'node:stream';

/** One file of a remote source, as it is now. */
export interface RemoteFile {
  name: string;
  size: number;
  /** What changes with the content (ETag, else Last-Modified); null where the server states neither. */
  validator: string | null;
  /** SHA-256 of the content, where the server states it. */
  sha256: string | null;
}

/**
 * Where the files of one remote source come from. Two verbs; it does not list (an index names shards, and the other
 * files have fixed names) and it does not write.
 */
export interface Origin {
  /** How messages call the source; holds no secret. */
  readonly label: string;
  /** The one file the source consists of, where it names a file. */
  readonly file: string | undefined;
  /** What the revision asked for was resolved to, once a file was looked up; null where there are no revisions. */
  readonly revision: string | null;
  /** @returns undefined where there is no such file. @throws SourceUnavailable */
  stat(name: string, signal?: AbortSignal): Promise<RemoteFile | undefined>;
  /**
   * Bytes `[from, to)`, as a stream that may end early when the connection is cut.
   * @throws SourceUnavailable; DataError `source_changed` when the file is not the one described any more
   */
  read(file: RemoteFile, from: number, to: number, signal?: AbortSignal): Promise<Readable>;
}

/** ETags that are a SHA-256 already: what model hubs state for large files. */
export const sha256In = (etag: string | null | undefined): string | null =>
  /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(etag ?? '')?.[1] ?? null;
