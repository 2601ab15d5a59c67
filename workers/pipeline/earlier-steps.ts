import { SafetensorsFile } from '../../src/safetensors/file.js';
import type { EarlierSteps } from '../bases/basis-input.js';
import { basisReport } from './basis.js';
import { readBasis } from './basis-files.js';
import { CALIBRATION_FILE, hasCalibration, SHARES } from './calibration.js';
import type { StepContext } from './context.js';
import { downstreamFile } from './downstream.js';
import { readMatrices } from './matrix-files.js';

export const reachFile = (space: string) => `reach-${space}.safetensors`;

/** What bases ask of earlier steps, from those steps' files. */
export function earlierSteps(context: StepContext): EarlierSteps {
  const { la, steps, plan } = context;
  return {
    async downstream(space) {
      await steps.require('downstream');
      return readMatrices(steps.file(downstreamFile(space)), la);
    },
    async reach(space) {
      await steps.require(`basis-${space}`);
      return readMatrices(steps.file(reachFile(space)), la);
    },
    async inputs() {
      if (!hasCalibration(plan)) return null;
      await steps.require('inputs');
      const [phi] = await readMatrices(steps.file(CALIBRATION_FILE), la);
      return phi;
    },
    async shares() {
      await steps.require('inputs');
      const file = await SafetensorsFile.open(steps.file(CALIBRATION_FILE));
      try {
        return await file.floats(SHARES, 'float64');
      } finally {
        await file.close();
      }
    },
    report: (space) => basisReport(context, space),
    async stored(space) {
      const found = plan.stored_bases?.spaces[space];
      if (!found || !context.storedBases) throw new Error(`No earlier basis of ${space} was given.`);
      return readBasis(context.storedBases, la, found.name);
    },
  };
}
