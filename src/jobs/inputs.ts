import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import type { LocatedSource } from '../checkpoints/locate-source.js';
import { planJob } from '../plan/plan-job.js';
import type { SourceHeaders } from '../plan/sources.js';
import { isFloatDtype } from '../safetensors/dtype.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Machine } from '../schemas/machine.js';
import { isTransformer } from '../schemas/model.js';
import type { ComparisonPlan, LinearPlan, Plan } from '../schemas/plan.js';
import type { RemoteOutlines } from '../sources/remote-outlines.js';
import { checkTokenizers } from '../tokenizers/check.js';
import type { JobStore } from './job-store.js';
import { NamedTensors } from './named-tensors.js';
import type { Outlines } from './outlines.js';
import type { InputFile } from './record.js';
import { findStoredBases } from './stored-bases.js';
import { calibrationShapes, methodsOf, probeShapes } from './tokens.js';
import { refuseUnused } from './unused.js';

export interface Inspected {
  plan: Plan;
  inputs: InputFile[];
  /** File with the earlier job's bases, where the plan takes them. */
  bases?: string;
}

/** What was fetched of a remote source. */
export type Fetched = Awaited<ReturnType<RemoteOutlines['of']>>;

/**
 * Read every source's headers and plan the job. Opens files, reads no weights. Takes time that grows with the headers.
 * @param fetched of each remote source, by its place in the spec: its outline on this machine
 */
export async function inspectSources(
  spec: JobSpec,
  checkpoints: CheckpointStore,
  store: JobStore,
  outlines: Outlines,
  fetched: (source: number) => Fetched | undefined,
  machine: Machine | undefined,
): Promise<Inspected> {
  refuseUnused(spec);
  const looked = await Promise.allSettled(
    spec.sources.map(async (source, i) => {
      const pointer = `/sources/${i}`;
      const remote = fetched(i);
      if (!remote) return { outline: await outlines.of(source, pointer) };
      return { outline: await outlines.ofFetched(remote.located, pointer), inputs: remote.inputs };
    }),
  );
  const headers: SourceHeaders[] = [];
  const locations: LocatedSource[] = [];
  const inputs: InputFile[] = [];
  for (const [i, one] of looked.entries()) {
    // Of several that are wrong the first is told of, whichever was found first.
    if (one.status === 'rejected') throw one.reason;
    const { outline, inputs: known } = one.value;
    const { label } = outline.located;
    const { rows, columns } = spec.sources[i];
    headers.push({ label, tensors: outline.tensors, slice: { rows, columns }, config: outline.config });
    locations.push(outline.located);
    inputs.push(...(known ?? outline.files.map((file) => ({ source: i, ...file }))));
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

/** A named probe must exist and have one column per input. */
async function checkProbe(spec: JobSpec, widths: readonly number[], checkpoints: CheckpointStore): Promise<void> {
  if (!spec.probe || Array.isArray(spec.probe) || !('tensor' in spec.probe) || widths.length === 0) return;
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

const ROWS_CODES = {
  probe: { missing: 'probe_not_found', unsuitable: 'probe_shape_mismatch' },
  calibration: { missing: 'calibration_not_found', unsuitable: 'calibration_shape_mismatch' },
};

/** Floats [rows, inputs] in an uploaded file. */
async function checkRows(
  named: { checkpoint: string; file: string; tensor: string },
  what: 'probe' | 'calibration',
  pointer: string,
  widths: readonly number[],
  checkpoints: CheckpointStore,
): Promise<void> {
  const columns = widths.reduce((sum, width) => sum + width, 0);
  (await NamedTensors.open(named, pointer, ROWS_CODES[what], checkpoints)).find(named.tensor, 'tensor', {
    words: `floats [rows, ${columns}]${widths.length > 1 ? ` (${widths.join(' + ')} inputs)` : ''}`,
    suits: ({ shape, dtype }) => shape.length === 2 && shape[1] === columns && isFloatDtype(dtype),
  });
}
