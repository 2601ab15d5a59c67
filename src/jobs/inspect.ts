import type { Config } from '../config.js';
import type { JobSpec } from '../schemas/job-spec.js';
import { isRemote } from '../sources/open-origin.js';
import { RemoteOutlines } from '../sources/remote-outlines.js';
import { send } from '../threads/answer.js';
import { inThread } from '../threads/in-thread.js';
import type { InspectedText, InspectInput } from './inspect-input.js';

/**
 * Read what a job reads and plan it, beside the event loop. Of remote sources headers, configuration and tokenizer are
 * fetched first.
 * @throws WeightfoldError where the job could not succeed, with a pointer to what is wrong
 */
export async function inspect(
  spec: JobSpec,
  config: Config,
  figures: Pick<InspectInput, 'machine' | 'estimatedFor' | 'show'>,
): Promise<InspectedText> {
  const remote = new RemoteOutlines(config);
  try {
    const fetched = await Promise.all(
      spec.sources.map(async (source, i) => {
        if (!('uri' in source) || !isRemote(source.uri)) return undefined;
        // Of several sources that are wrong the first is told of, so an error waits for the others.
        return remote.of(source.uri, i).then(
          (outline) => ({ outline }),
          (error) => ({ error: send(error) }),
        );
      }),
    );
    const { DATA_DIR, SOURCE_ROOTS, MAX_HEADER_BYTES } = config;
    const settings = { DATA_DIR, SOURCE_ROOTS, MAX_HEADER_BYTES };
    return await inThread('inspect', { spec, settings, fetched, ...figures });
  } finally {
    await remote.close();
  }
}
