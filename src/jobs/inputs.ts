import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import { type LocatedSource, locateSource } from '../checkpoints/locate-source.js';
import { readConfig } from '../checkpoints/read-config.js';
import { CheckpointReader } from '../checkpoints/reader.js';
import { checkTokenizers } from '../checkpoints/tokenizers.js';
import type { Config } from '../config.js';
import { SpecError, WeightfoldError } from '../errors.js';
import { planJob } from '../plan/plan-job.js';
import type { SourceHeaders } from '../plan/sources.js';
import { isFloatDtype } from '../safetensors/dtype.js';
import { asMatrixShape } from '../safetensors/file.js';
import { LARGEST_HEADER_BYTES } from '../safetensors/header.js';
import { isTransformer, type JobSpec } from '../schemas/job-spec.js';
import type { Machine } from '../schemas/machine.js';
import type { ComparisonPlan, LinearPlan, Plan } from '../schemas/plan.js';
import { isRemote } from '../sources/open-origin.js';
import { RemoteOutlines } from '../sources/remote-outlines.js';
import { layout } from '../store/layout.js';
import type { JobStore } from './job-store.js';
import type { InputFile } from './record.js';
import { findStoredBases } from './stored-bases.js';
import { calibrationShapes, methodsOf, probeShapes } from './tokens.js';

export interface Inspected {
  plan: Plan;
  inputs: InputFile[];
  /** File with the earlier job's bases, where the plan takes them. */
  bases?: string;
}

/**
 * Read every source's headers and plan the job. Opens files, reads no weights; of remote sources it fetches headers,
 * configuration and tokenizer.
 */
export async function inspect(
  spec: JobSpec,
  config: Config,
  checkpoints: CheckpointStore,
  store: JobStore,
  machine?: Machine,
): Promise<Inspected> {
  const remote = new RemoteOutlines(config);
  try {
    return await inspectSources(spec, config, checkpoints, store, remote, machine);
  } finally {
    await remote.close();
  }
}

async function inspectSources(
  spec: JobSpec,
  config: Config,
  checkpoints: CheckpointStore,
  store: JobStore,
  remote: RemoteOutlines,
  machine: Machine | undefined,
): Promise<Inspected> {
  const roots = { checkpoints: layout(config.DATA_DIR).checkpoints, sourceRoots: config.SOURCE_ROOTS };
  const headers: SourceHeaders[] = [];
  const locations: LocatedSource[] = [];
  const inputs: InputFile[] = [];
  for (const [i, source] of spec.sources.entries()) {
    const pointer = `/sources/${i}`;
    const outlined = 'uri' in source && isRemote(source.uri) ? await remote.of(source.uri, i) : undefined;
    const located = outlined?.located ?? (await locateSource(source, roots, pointer));
    locations.push(located);
    const reader = await openSource(located, pointer, config.MAX_HEADER_BYTES);
    headers.push({
      label: located.label,
      tensors: reader.tensors,
      slice: { rows: source.rows, columns: source.columns },
      config: await readConfig(located, pointer),
    });
    const files = reader.files.map(({ path: file, size }) => ({ file: path.basename(file), size }));
    await reader.close();
    if (outlined) inputs.push(...outlined.inputs);
    else
      for (const { file, size } of files) {
        const entry = 'checkpoint' in source ? await checkpoints.entry(source.checkpoint, file) : undefined;
        inputs.push({ source: i, file, size, sha256: entry?.sha256 ?? null });
      }
  }
  const bases = await findStoredBases(spec, store, inputs);
  const plan = planJob(spec, headers, {
    calibrations: isTransformer(spec.model) ? await calibrationShapes(spec, checkpoints) : [],
    probes: await probeShapes(spec, checkpoints),
    stored: bases?.stored,
    machine,
  });
  if (isTransformer(spec.model)) await checkTokenizers(locations);
  else {
    const columns = (plan as LinearPlan | ComparisonPlan).probe_columns;
    await checkProbe(spec, columns, checkpoints);
    await checkCalibration(spec, columns, checkpoints);
  }
  return { plan, inputs, bases: bases?.file };
}

async function openSource(
  { label, location }: LocatedSource,
  pointer: string,
  maxHeaderBytes: number,
): Promise<CheckpointReader> {
  try {
    return await CheckpointReader.open(location, maxHeaderBytes);
  } catch (error) {
    if (!(error instanceof WeightfoldError)) throw error;
    throw new SpecError(error.code, `Source ${label}: ${error.message}`, pointer);
  }
}

/** A named probe must exist and have one column per input. */
async function checkProbe(spec: JobSpec, widths: readonly number[], checkpoints: CheckpointStore): Promise<void> {
  if (Array.isArray(spec.probe) || !('tensor' in spec.probe) || widths.length === 0) return;
  await checkRows(spec.probe, 'probe', '/probe', widths, checkpoints);
}

/** Calibration of a chain is rows of inputs, as a probe is; of an embedding, token ids. */
async function checkCalibration(spec: JobSpec, widths: readonly number[], checkpoints: CheckpointStore): Promise<void> {
  if (spec.model.family === 'embedding') return void (await calibrationShapes(spec, checkpoints));
  for (const { method, pointer } of methodsOf(spec)) {
    const { calibration } = method;
    if (calibration && !('generate' in calibration))
      await checkRows(calibration, 'calibration', `${pointer}/calibration`, widths, checkpoints);
  }
}

/** Floats [rows, inputs] in an uploaded file. */
async function checkRows(
  { checkpoint, file, tensor }: { checkpoint: string; file: string; tensor: string },
  what: 'probe' | 'calibration',
  pointer: string,
  widths: readonly number[],
  checkpoints: CheckpointStore,
): Promise<void> {
  const location = path.join(checkpoints.folder(checkpoint), file);
  const refuse = (code: string, message: string) => new SpecError(`${what}_${code}`, message, pointer);
  const info = await stat(location).catch(() => undefined);
  if (!info?.isFile()) throw refuse('not_found', `Checkpoint "${checkpoint}" has no file "${file}" for the ${what}.`);
  const reader = await CheckpointReader.openFiles([location], LARGEST_HEADER_BYTES);
  const found = reader.tensors.get(tensor);
  await reader.close();
  if (!found) throw refuse('not_found', `File "${file}" of checkpoint "${checkpoint}" has no tensor "${tensor}".`);
  const columns = widths.reduce((sum, width) => sum + width, 0);
  const shape = asMatrixShape(found.shape);
  if (found.shape.length !== 2 || shape[1] !== columns || !isFloatDtype(found.dtype))
    throw refuse(
      'shape_mismatch',
      `Tensor "${tensor}" is ${found.dtype} [${found.shape}]; floats [rows, ${columns}] are needed for the ${what} (${widths.join(' + ')} inputs).`,
    );
}
