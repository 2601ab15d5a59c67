import type { SpacePlan } from '../../src/schemas/plan.js';
import { activationBasis } from './activation.js';
import { balancedBasis } from './balanced.js';
import type { BasisInput, ComputedBasis } from './basis-input.js';
import { growthBasis } from './growth.js';
import { storedBasis } from './stored.js';
import { weightBasis } from './weight.js';

/** Every basis by its name in the plan. A new one is a module here and a name in the schemas. */
export const bases: Record<Exclude<SpacePlan['basis'], null>, (input: BasisInput) => Promise<ComputedBasis>> = {
  weight: weightBasis,
  balanced: balancedBasis,
  activation: activationBasis,
  growth: growthBasis,
  stored: storedBasis,
};
