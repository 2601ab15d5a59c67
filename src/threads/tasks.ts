import { checkContent } from '../checkpoints/check-content.js';
import { describeCheckpoint } from '../checkpoints/describe-checkpoint.js';
import { parseIndex, shardsOf } from '../checkpoints/shard-index.js';
import { inspectInput } from '../jobs/inspect-input.js';

/** What threads do, by name. Inputs and results are data that can be sent. */
export const TASKS = {
  checkContent: ({ file, location, maxHeaderBytes }: { file: string; location: string; maxHeaderBytes: number }) =>
    checkContent(file, location, maxHeaderBytes),
  describeCheckpoint,
  shardsOf: async (index: Uint8Array) => shardsOf(parseIndex(new TextDecoder().decode(index))),
  inspect: inspectInput,
};

/** One of them, asked for. */
export interface Request {
  task: keyof typeof TASKS;
  input: unknown;
}
