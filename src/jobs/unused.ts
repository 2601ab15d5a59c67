import { SpecError } from '../errors.js';
import type { JobSpec } from '../schemas/job-spec.js';
import { isTransformer } from '../schemas/model.js';
import { methodsOf } from './tokens.js';

/**
 * Refuse what a merge of whole transformers would leave unread. Checked where jobs are accepted, not by the schema of a
 * spec, which jobs of earlier days pass as well.
 * @throws SpecError `probe_not_applicable`, `calibration_not_applicable`
 */
export function refuseUnused(spec: JobSpec): void {
  const { model, probe } = spec;
  if (!isTransformer(model)) return;
  if (probe && 'inputs' in probe)
    throw new SpecError(
      'probe_not_applicable',
      'Random numbers are no input of a transformer. Name tokens: {"checkpoint": NAME, "file": NAME, "ids": NAME}; or leave the probe out.',
      '/probe/inputs',
    );
  for (const { method, pointer } of methodsOf(spec))
    if (method.calibration && method.fit === 'closed_form' && method.basis === 'weight')
      throw new SpecError(
        'calibration_not_applicable',
        'A closed form on basis weight reads no calibration tokens. Use basis activation, or fit calibrated, or leave them out.',
        `${pointer}/calibration`,
      );
}
