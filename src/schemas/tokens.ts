import { checkpointName, fileName, tensorName } from './common.js';

/** Where tokens of an uploaded file stand, and which of them are padding. */
export const tokenTensor = {
  checkpoint: checkpointName,
  file: fileName,
  attention_mask: tensorName
    .optional()
    .describe('Integers or booleans [rows, tokens]; places that hold 0 are padding and take no part in anything.'),
};
