import type { Method } from '../../src/schemas/job-spec.js';
import type { Basis, BasisReport } from './basis.js';
import { type BasisInput, weightBasis } from './weight.js';

/** Every basis by its name in the spec. A new one is a module here and a name in the schema. */
export const bases: Record<Method['basis'], (input: BasisInput) => Promise<{ basis: Basis; report: BasisReport }>> = {
  weight: weightBasis,
};
