import type { S3Client } from '@aws-sdk/client-s3';
import { refusePickle } from '../checkpoints/other-weights.js';
import type { Config } from '../config.js';
import { SpecError } from '../errors.js';
import { NAME_PATTERN } from '../schemas/name-pattern.js';
import { parseS3Uri } from '../store/s3-uri.js';
import { HttpClient } from './http.js';
import { HttpOrigin } from './http-origin.js';
import type { Origin } from './origin.js';

export const isRemote = (uri: string): boolean => /^(https?|hf|s3):\/\//.test(uri);

const FILE_SUFFIX = '.safetensors';
const HF_URI = /^hf:\/\/([A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9][A-Za-z0-9._-]*)(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?$/;

/** Opens remote sources by their URI; holds the connections. */
export class Origins {
  private readonly config: Config;
  private readonly http: HttpClient;
  private s3: S3Client | undefined;

  constructor(config: Config) {
    this.config = config;
    this.http = new HttpClient({ allowPrivate: config.ALLOW_PRIVATE_SOURCES, trusted: [config.HF_ENDPOINT] });
  }

  /**
   * @param revision what the URI's revision was resolved to before, where it was
   * @param pointer where the spec names the source
   * @throws SpecError for a URI that will not be read
   */
  async open(uri: string, pointer: string, revision: string | null = null): Promise<Origin> {
    refusePickle(uri.split('@')[0], pointer);
    if (uri.startsWith('s3://')) return this.openS3(uri, pointer);
    return uri.startsWith('hf://') ? this.openHub(uri, pointer, revision) : this.openHttp(uri, pointer);
  }

  async close(): Promise<void> {
    this.s3?.destroy();
    await this.http.close();
  }

  private openHttp(uri: string, pointer: string): Origin {
    if (!URL.canParse(uri)) throw new SpecError('source_not_allowed', `"${uri}" is not a URL.`, pointer);
    const { folder, file } = split(new URL(uri).href);
    if (file !== undefined && !NAME_PATTERN.test(file))
      throw new SpecError('source_not_allowed', `"${uri}" ends in a file name with unusual characters.`, pointer);
    return new HttpOrigin({ label: uri, client: this.http, url: (name) => folder + encodeURIComponent(name), file });
  }

  private openHub(uri: string, pointer: string, revision: string | null): Origin {
    const [, repository, asked = 'main'] = HF_URI.exec(uri) ?? [];
    if (repository === undefined)
      throw new SpecError(
        'source_not_allowed',
        `"${uri}" does not read hf://org/name or hf://org/name@revision.`,
        pointer,
      );
    const { HF_ENDPOINT, HF_TOKEN } = this.config;
    return new HttpOrigin({
      label: uri,
      client: this.http,
      revision,
      url: (name, commit) => `${HF_ENDPOINT}/${repository}/resolve/${encodeURIComponent(commit ?? asked)}/${name}`,
      authorization: HF_TOKEN && `Bearer ${HF_TOKEN}`,
    });
  }

  private async openS3(uri: string, pointer: string): Promise<Origin> {
    const parts = parseS3Uri(uri);
    // Segments of dots would name another key to a server that tidies paths up.
    if (!parts || parts.prefix.split('/').some((part) => part === '.' || part === '..'))
      throw new SpecError('source_not_allowed', `"${uri}" does not read s3://bucket/prefix.`, pointer);
    const allowed = this.config.S3_SOURCES.some(
      (root) => uri === root || uri.startsWith(`${root.replace(/\/+$/, '')}/`),
    );
    if (!allowed)
      throw new SpecError(
        'source_not_allowed',
        `"${uri}" is not under one of S3_SOURCES, which names the buckets and prefixes that s3:// sources may be read from.`,
        pointer,
      );
    // Loaded where it is used: the SDK is large.
    const [{ createS3Client }, { S3Origin }] = await Promise.all([
      import('../store/s3-client.js'),
      import('./s3-origin.js'),
    ]);
    this.s3 ??= createS3Client(this.config);
    const { folder, file } = split(parts.prefix);
    return new S3Origin(this.s3, uri, parts.bucket, folder, file);
  }
}

/** A path to one safetensors file in folder and name; any other path is a folder. */
function split(path: string): { folder: string; file?: string } {
  if (!path.endsWith(FILE_SUFFIX)) return { folder: path === '' || path.endsWith('/') ? path : `${path}/` };
  const at = path.lastIndexOf('/') + 1;
  return { folder: path.slice(0, at), file: path.slice(at) };
}
