import type { TransformerPlan } from '../../../src/families/plan.js';
import type { LinearAlgebra, Matrix } from '../../linalg/contract.js';
import type { Control } from '../control.js';
import type { Tokens } from '../forward/batch.js';
import type { SlotModel } from '../model.js';
import type { MemorySlots } from '../slots.js';
import type { TokenFile } from '../spill.js';
import type { JointSources } from './joint.js';
import type { Survey } from './survey.js';

/** State of the front-to-back fit. */
export interface Fitting {
  la: LinearAlgebra;
  plan: TransformerPlan;
  control: Control;
  tokens: Tokens;
  joint: JointSources;
  found: Survey;
  /** E, [r, D] float32. */
  expand: Matrix;
  /** Length of E·n behind a norm of the result, of unit length per direction: √(D·retained / r). */
  kappa: number;
  slots: MemorySlots;
  /** The result so far. */
  model: SlotModel;
  /** Stream k of the result, and the head outputs or units of the last sublayer. */
  stream: TokenFile;
}
