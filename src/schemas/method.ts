import { z } from 'zod';
import { tensorName } from './common.js';
import { tokenTensor } from './tokens.js';

const TensorCalibrationSchema = z
  .strictObject({
    ...tokenTensor,
    tensor: tensorName.describe(
      'Transformers and embeddings: integers [rows, tokens]. Chains: floats [rows, inputs], the sources’ side by side where concatenated.',
    ),
  })
  .meta({ id: 'TensorCalibration' });

const GeneratedCalibrationSchema = z
  .strictObject({
    generate: z.strictObject({
      sequences: z.number().int().min(1).max(65536).optional().describe('In all; default 256 per source.'),
      length: z.number().int().min(2).max(8192).optional().describe('Tokens per sequence; default 64.'),
      seed: z.number().int().min(0).max(0xffffffff).optional(),
      mask_token_id: z
        .number()
        .int()
        .min(0)
        .optional()
        .describe('Masked models; default from config.json, else usual.'),
    }),
  })
  .meta({ id: 'GeneratedCalibration' });

const CalibrationSchema = z
  .union([TensorCalibrationSchema, GeneratedCalibrationSchema], {
    error: 'must be {"checkpoint": NAME, "file": NAME, "tensor": NAME} or {"generate": {}}',
  })
  .meta({
    id: 'Calibration',
    description:
      'What the sources are run on: tokens (a file’s, or sampled from the sources) or, for chains, rows of inputs.',
  });

export const MethodSchema = z
  .strictObject({
    mode: z
      .enum(['diag', 'separate'])
      .default('diag')
      .describe('diag: one PCA of all sources together. separate: one PCA per source, width/N directions each.'),
    basis: z
      .enum(['weight', 'balanced', 'activation'])
      .default('weight')
      .describe(
        'weight: PCA of the writers’ second moment. balanced: writers and readers, the optimum of a chain’s whole map. activation: PCA of the activations on calibration data. Whole transformers: balanced (of the tensors around the stream) and activation in closed form only.',
      ),
    factorization: z
      .enum(['auto', 'weight', 'covariance'])
      .default('auto')
      .describe(
        'weight: E = Uᵀ. covariance: E = diag(σ)·Uᵀ. auto: covariance where min(rows, cols) ≤ width, but weight where tensors are stored as float16, whose range does not hold σ².',
      ),
    solver: z
      .discriminatedUnion('type', [
        z.strictObject({ type: z.literal('exact') }).meta({ id: 'ExactSolver' }),
        z
          .strictObject({
            type: z.literal('randomized'),
            niter: z.number().int().min(0).max(100).default(2).describe('Subspace iterations.'),
            seed: z.number().int().min(0).max(0xffffffff).default(33),
          })
          .meta({ id: 'RandomizedSolver' }),
      ])
      .default({ type: 'exact' }),
    padding: z
      .enum(['orthonormal', 'zero'])
      .default('orthonormal')
      .describe(
        'Fold columns of directions beyond the numerical rank. One source, wider: zero appends units without weights.',
      ),
    calibration: CalibrationSchema.optional().describe(
      'Transformers: what a merge is fitted on. Basis activation: what it is measured on. Basis balanced: the inputs’ second moment (isotropic without).',
    ),
    fit: z
      .enum(['auto', 'calibrated', 'closed_form'])
      .default('auto')
      .describe('Whole transformers: calibrated when calibration is given, else closed_form.'),
  })
  .meta({ id: 'Method' });
export type Method = z.infer<typeof MethodSchema>;
