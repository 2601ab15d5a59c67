import type { Method } from '../../src/schemas/method.js';
import type { LinearPlan, SpacePlan } from '../../src/schemas/plan.js';
import type { LinearAlgebra, Matrix } from '../linalg/contract.js';
import type { TensorReader } from '../pipeline/sources.js';
import type { Basis, BasisReport } from './basis.js';

/** What a basis is computed from. */
export interface BasisInput {
  la: LinearAlgebra;
  reader: TensorReader;
  plan: LinearPlan;
  space: SpacePlan;
  method: Method;
  /** Constant part of the space where it takes part in the basis. */
  constant: Float64Array | null;
  /** Whether every direction is wanted, not only those of the width. */
  everyDirection: boolean;
  /** What earlier steps left for bases that look beyond the space's own writer. */
  earlier: EarlierSteps;
}

/** Results of earlier steps, all float64; matrices belong to the caller. */
export interface EarlierSteps {
  /** Per group of a space: R (q × width) with RᵀR = QᵀQ, Q the map from the space to the outputs. */
  downstream(space: string): Promise<Matrix[]>;
  /** Per group of an earlier space: T (width × k) with T·Tᵀ the second moment of what reaches the layers behind it. */
  reach(space: string): Promise<Matrix[]>;
  /** Φ (inputs + 1 × k) with Φ·Φᵀ = E[x̃·x̃ᵀ], x̃ an input row with a one behind it; null: isotropic inputs. */
  inputs(): Promise<Matrix | null>;
  /** How often each row of a table is used, as shares; embeddings with calibration. */
  shares(): Promise<Float64Array>;
  /** Report of an earlier space's basis. */
  report(space: string): Promise<BasisReport>;
  /** Basis of a space as an earlier job stored it. */
  stored(space: string): Promise<Basis>;
}

export interface ComputedBasis {
  basis: Basis;
  /** The same without a cut, where asked for. */
  directions?: Basis;
  report: BasisReport;
  /** Per group: T as `EarlierSteps.reach` hands it to later spaces. */
  reach?: Matrix[];
}
