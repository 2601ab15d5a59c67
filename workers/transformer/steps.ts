import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { WeightfoldError } from '../../src/errors.js';
import { bindTensors } from '../../src/families/binding.js';
import type { TransformerPlan } from '../../src/families/plan.js';
import { LARGEST_HEADER_BYTES } from '../../src/safetensors/header.js';
import type { TransformerTensorMetrics } from '../../src/schemas/metrics.js';
import type { LinearAlgebra } from '../linalg/contract.js';
import { fitCalibrated } from './calibrated/fit.js';
import { JointSources } from './calibrated/joint.js';
import { type Survey, survey } from './calibrated/survey.js';
import type { ClosedFormBasis } from './closed-form/merging.js';
import { ClosedFormSlots } from './closed-form/slots.js';
import type { Control } from './control.js';
import { evaluateTransformer, type TransformerMetrics } from './evaluate/evaluate.js';
import type { Probe } from './evaluate/loss.js';
import { type SpaceFigures, spaceFigures } from './evaluate/space-figures.js';
import { weightErrors } from './evaluate/weight-errors.js';
import { checkTokens, type Tokens } from './forward/batch.js';
import { generateTokens } from './generate/generate.js';
import { SlotModel, StoredSlots, storedModel } from './model.js';
import { readBases, writeBases } from './output/bases.js';
import { type WrittenOutput, writeModel } from './output/write.js';

/** Figures of the merge itself, kept beside the weights for `metrics.json`. */
export interface MergeSummary {
  files: WrittenOutput[];
  /** Σ_{j≤r} λ_j / Σ λ_j of the residual basis. */
  retained_energy: number;
  /** What each source's weights were multiplied with to bring their streams to one scale. */
  stream_scales: number[];
  /** Eigenvalues of the residual moment, descending. */
  spectrum: number[];
  /** Per layer and source: kv groups and FFN units kept. */
  kept_groups: number[][];
  kept_units: number[][];
  /** Per norm, on the calibration tokens; null in closed form. */
  calibration_stream_error: number[] | null;
}

const SUMMARY_FILE = 'merge.json';
const SPILL_FOLDER = 'spill';

/** Models over open sources, weights read when first used. */
export const sourceModels = (plan: TransformerPlan, sources: readonly CheckpointReader[], la: LinearAlgebra) =>
  plan.sources.map((s, i) => storedModel(s.architecture, sources[i], s.bindings, la));

/**
 * Basis, fit and weights: reads the sources, writes `model*.safetensors`, `config.json`, `bases.safetensors` and
 * `merge.json` into `workDir`. Run again after a crash, it starts over and writes the same bytes.
 * @param calibration tokens where the plan takes them from a file; generated ones are made here.
 */
export async function mergeTransformer(
  plan: TransformerPlan,
  sources: readonly CheckpointReader[],
  la: LinearAlgebra,
  workDir: string,
  options: Control & { calibration?: Tokens } = {},
): Promise<MergeSummary> {
  await mkdir(workDir, { recursive: true });
  const summary =
    plan.fit === 'calibrated'
      ? await calibrated(plan, sources, la, workDir, options)
      : await closedForm(plan, sources, la, workDir, options);
  await writeFile(path.join(workDir, SUMMARY_FILE), JSON.stringify(summary));
  return summary;
}

async function closedForm(
  plan: TransformerPlan,
  sources: readonly CheckpointReader[],
  la: LinearAlgebra,
  workDir: string,
  options: Control & { calibration?: Tokens },
): Promise<MergeSummary> {
  const stored = plan.sources.map((s, i) => new StoredSlots(sources[i], s.bindings, la, 'float32'));
  const measured = plan.basis === 'activation' ? await measure(plan, sources, la, workDir, options) : undefined;
  const slots = await ClosedFormSlots.prepare(la, plan, stored, options, measured);
  const { basis, fold } = slots;
  await writeBases(la, { ...basis, expand: await la.cast(basis.expand, 'float32'), folds: [fold] }, workDir);
  const files = await writeModel(plan, slots, sources[0], la, workDir, options);
  return summaryOf(files, basis, null);
}

/** Second moments of the sources' normalised streams, and importance of heads and units, on the calibration tokens. */
async function measure(
  plan: TransformerPlan,
  sources: readonly CheckpointReader[],
  la: LinearAlgebra,
  workDir: string,
  options: Control & { calibration?: Tokens },
): Promise<Survey> {
  const models = sourceModels(plan, sources, la);
  const tokens = await calibrationTokens(plan, models, la, options);
  const spill = path.join(workDir, SPILL_FOLDER);
  await rm(spill, { recursive: true, force: true });
  await mkdir(spill, { recursive: true });
  const joint = await JointSources.open(models, spill);
  try {
    return await survey(la, plan, joint, tokens, options);
  } finally {
    await joint.close();
    await rm(spill, { recursive: true, force: true });
  }
}

async function calibrated(
  plan: TransformerPlan,
  sources: readonly CheckpointReader[],
  la: LinearAlgebra,
  workDir: string,
  options: Control & { calibration?: Tokens },
): Promise<MergeSummary> {
  const spill = path.join(workDir, SPILL_FOLDER);
  await rm(spill, { recursive: true, force: true });
  const models = sourceModels(plan, sources, la);
  const tokens = await calibrationTokens(plan, models, la, options);
  const result = await fitCalibrated(plan, models, la, spill, tokens, options);
  await writeBases(la, { ...result, expand: await la.cast(result.expand, 'float32') }, workDir);
  const files = await writeModel(plan, result.slots, sources[0], la, workDir, options);
  await rm(spill, { recursive: true, force: true });
  return summaryOf(files, result, result.streamError);
}

async function calibrationTokens(
  plan: TransformerPlan,
  models: readonly SlotModel[],
  la: LinearAlgebra,
  options: Control & { calibration?: Tokens },
): Promise<Tokens> {
  if (plan.calibration && 'generate' in plan.calibration)
    return generateTokens(la, models, plan.calibration.generate, options);
  if (!options.calibration)
    throw new WeightfoldError('The plan takes calibration tokens from a file, but none were given.', {
      code: 'calibration_missing',
      status: 500,
    });
  checkTokens(options.calibration, plan.target, 'The calibration tensor');
  return options.calibration;
}

const summaryOf = (
  files: WrittenOutput[],
  {
    retained,
    spectrum,
    groups,
    units,
    scale,
  }: Pick<ClosedFormBasis, 'retained' | 'spectrum' | 'groups' | 'units' | 'scale'>,
  streamError: number[] | null,
): MergeSummary => ({
  files,
  retained_energy: retained,
  stream_scales: scale,
  spectrum: [...spectrum],
  kept_groups: groups.map((kept) => kept.map((list) => list.length)),
  kept_units: units.map((kept) => kept.map((list) => list.length)),
  calibration_stream_error: streamError,
});

/** The model a work directory holds, opened from its files. Close the reader when done. */
export async function openResult(plan: TransformerPlan, la: LinearAlgebra, workDir: string) {
  const reader = await CheckpointReader.open(workDir, LARGEST_HEADER_BYTES);
  const { bindings } = bindTensors(plan.description, plan.target, reader.tensors, '/output');
  const slots = new StoredSlots(reader, bindings, la, 'float32');
  return { reader, model: new SlotModel(plan.target, slots, la, 'float32') };
}

/** What the evaluation adds to `metrics.json`. */
export type StepMetrics = TransformerMetrics & {
  merge: Omit<MergeSummary, 'files'>;
  tensors: TransformerTensorMetrics[];
  spaces: SpaceFigures[];
};

/**
 * Losses of sources, mean and result on the probes, from the stored weights.
 * `metrics` is what belongs into `metrics.json`.
 */
export async function evaluateStep(
  plan: TransformerPlan,
  sources: readonly CheckpointReader[],
  la: LinearAlgebra,
  workDir: string,
  options: Control & { probes: readonly Probe[] },
): Promise<StepMetrics> {
  const { reader, model } = await openResult(plan, la, workDir);
  try {
    const { files: _, ...merge } = JSON.parse(await readFile(path.join(workDir, SUMMARY_FILE), 'utf8')) as MergeSummary;
    const stored = await readBases(la, workDir, plan.sources.length, plan.target.layers);
    const bases = { ...stored, scale: merge.stream_scales };
    const slots = plan.sources.map((s, i) => new StoredSlots(sources[i], s.bindings, la, 'float32'));
    const tensors = await weightErrors(la, { plan, sources: slots, bases }, options);
    const spaces = await spaceFigures(la, plan, bases, merge.retained_energy);
    const models = sourceModels(plan, sources, la);
    const input = {
      sources: models,
      result: model,
      expand: bases.expand,
      source_weights: plan.source_weights,
      probes: options.probes,
    };
    return { ...(await evaluateTransformer(la, input, options)), merge, tensors, spaces };
  } finally {
    await reader.close();
  }
}
