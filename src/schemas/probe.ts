import { z } from 'zod';
import { checkpointName, fileName, tensorName } from './common.js';
import { PRINTABLE, PRINTABLE_RULE } from './printable.js';
import { tokenTensor } from './tokens.js';

const TokenProbeSchema = z
  .strictObject({
    name: z.string().min(1).max(100).regex(PRINTABLE, PRINTABLE_RULE).optional(),
    ...tokenTensor,
    ids: tensorName.describe('Integers [rows, tokens].'),
    labels: tensorName.optional().describe('Integers [rows, tokens]. Default for causal models: the next id.'),
    mask: tensorName.optional().describe('[rows, tokens]; places whose label counts.'),
  })
  .meta({ id: 'TokenProbe', description: 'Tokens on which a language model’s loss is measured.' });
export type TokenProbe = z.infer<typeof TokenProbeSchema>;

const RandomProbeSchema = z
  .strictObject({
    inputs: z.literal('random'),
    rows: z.number().int().min(1).max(65536).default(32),
    seed: z.number().int().min(0).max(0xffffffff).default(33),
  })
  .meta({ id: 'RandomProbe' });

/** What chains are compared on where the spec has no probe. */
export const RANDOM_PROBE = RandomProbeSchema.parse({ inputs: 'random' });

const TensorProbeSchema = z
  .strictObject({ checkpoint: checkpointName, file: fileName, tensor: tensorName })
  .meta({ id: 'TensorProbe', description: 'Floats [rows, inputs].' });

export const ProbeSchema = z
  .union([TokenProbeSchema, z.array(TokenProbeSchema).min(1).max(16), RandomProbeSchema, TensorProbeSchema], {
    error:
      'must be {"inputs": "random"} or {"checkpoint": NAME, "file": NAME, "tensor": NAME}; for language models ' +
      '{"checkpoint": NAME, "file": NAME, "ids": NAME} or a list of those',
  })
  .meta({
    id: 'Probe',
    description: 'Inputs on which the merged network is compared with its sources. Default for chains: random ones.',
  });
