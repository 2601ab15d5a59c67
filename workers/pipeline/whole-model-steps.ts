import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { probeName, tokenProbes } from '../../src/jobs/tokens.js';
import type { WholeModelPlan } from '../../src/plan/whole-model.js';
import { LARGEST_HEADER_BYTES } from '../../src/safetensors/header.js';
import type { WrittenFile } from '../../src/safetensors/writer.js';
import type { TransformerMetrics } from '../../src/schemas/metrics.js';
import type { StepPlan } from '../../src/schemas/plan.js';
import type { TokenProbe } from '../../src/schemas/probe.js';
import { ensureFolder, sha256Of } from '../../src/store/files.js';
import {
  evaluateStep,
  type IntegerTensor,
  labelledProbe,
  mergeTransformer,
  modelCard,
  nextIdProbe,
  type Probe,
  readIntegers,
  type Tokens,
  verifyOutput,
} from '../transformer/index.js';
import type { Attempt, MergeRun } from './attempt.js';
import { type Publication, publish } from './publish.js';

/** What a whole model's evaluation leaves. */
export type Evaluated = Pick<TransformerMetrics, 'probes' | 'merge' | 'spaces' | 'tensors'> & {
  mean: TransformerMetrics['end_to_end'];
};

/** Folder the merge writes its files into. */
const FOLDER = 'model';
/** Files of the work folder that are no part of the result. */
const INTERNAL_FILES = ['merge.json'];

/** The steps of a whole transformer: merge (bases, fit, files), evaluation, verification of the files, publication. */
export function wholeModelSteps(attempt: Attempt): (step: StepPlan) => Promise<void> {
  const { run, readers, steps } = attempt;
  const { record, la, signal } = run;
  const plan = record.plan as unknown as WholeModelPlan;
  const control = {
    signal,
    onProgress: ({ completed, total }: { completed: number; total: number }) =>
      attempt.within(completed / Math.max(1, total)),
  };
  return async ({ id }) => {
    if (id === 'merge') {
      const folder = steps.target(FOLDER);
      const merged = await mergeTransformer(plan, readers, la, await ensureFolder(folder), {
        ...control,
        calibration: await calibrationOf(run),
      });
      await steps.finish(id, await filesOf(folder, merged.files));
    } else if (id === 'evaluate') {
      const probes = await probesOf(run, plan);
      await steps.finish(id, {}, await evaluateStep(plan, readers, la, steps.file(FOLDER), { ...control, probes }));
    } else if (id === 'verify') {
      await steps.finish(id, {}, await verifyOutput(plan, steps.file(FOLDER), la));
    } else {
      await publishModel(attempt, plan, (await steps.require<Evaluated>('evaluate')).data);
    }
  };
}

/** Every file of the work folder with size and hash; those of the weights were hashed as they were written. */
async function filesOf(folder: string, hashed: readonly (WrittenFile & { file: string })[]) {
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  const entries = names.map(async (name) => {
    const known = hashed.find(({ file }) => file === name);
    if (known) return [path.join(FOLDER, name), { size: known.size, sha256: known.sha256 }] as const;
    const file = path.join(folder, name);
    return [path.join(FOLDER, name), { size: (await stat(file)).size, sha256: await sha256Of(file) }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function publishModel(attempt: Attempt, plan: WholeModelPlan, evaluated: Evaluated): Promise<void> {
  const folder = attempt.steps.file(FOLDER);
  const files: Publication['files'] = {};
  for (const [name, written] of Object.entries((await attempt.steps.require('merge')).files)) {
    const file = path.basename(name);
    if (!INTERNAL_FILES.includes(file)) files[file] = { path: path.join(folder, file), written };
  }
  const { mean, probes, merge, spaces, tensors } = evaluated;
  await publish({
    ...attempt.publication(),
    files,
    texts: { 'README.md': modelCard(plan, evaluated) },
    metrics: (): TransformerMetrics => ({
      job_id: attempt.run.record.id,
      kind: 'transformer',
      fit: plan.fit,
      basis: plan.basis,
      end_to_end: mean,
      probes,
      spaces,
      tensors,
      merge,
      ...attempt.measured(),
    }),
  });
}

/** Read integer tensors of one uploaded file. */
async function integers(run: MergeRun, { checkpoint, file }: { checkpoint: string; file: string }, names: string[]) {
  if (!run.locate) throw new Error('The spec names uploaded tokens, but no way to find them was given.');
  const reader = await CheckpointReader.openFiles([run.locate(checkpoint, file)], LARGEST_HEADER_BYTES);
  try {
    return await Promise.all(names.map((name) => readIntegers(reader, name)));
  } finally {
    await reader.close();
  }
}

async function calibrationOf(run: MergeRun): Promise<Tokens | undefined> {
  const calibration = run.record.spec.method.calibration;
  if (!calibration || 'generate' in calibration) return undefined;
  const names = [calibration.tensor, calibration.attention_mask].filter((name) => name !== undefined);
  const [ids, mask] = await integers(run, calibration, names);
  return { ids: ids.values, rows: ids.rows, length: ids.columns, attention: mask && asMask(mask.values) };
}

/** Probes of the spec as tokens and labels. Masked models need labels; causal ones predict the next id without. */
async function probesOf(run: MergeRun, plan: WholeModelPlan): Promise<Probe[]> {
  return Promise.all(tokenProbes(run.record.spec).map((probe, i) => probeOf(run, plan, probe, probeName(probe, i))));
}

async function probeOf(run: MergeRun, plan: WholeModelPlan, probe: TokenProbe, name: string): Promise<Probe> {
  const { ids: idsName, labels, mask, attention_mask } = probe;
  const names = [idsName, labels, mask, attention_mask].filter((tensor) => tensor !== undefined);
  const found = new Map((await integers(run, probe, names)).map((tensor, i) => [names[i], tensor]));
  const values = (tensor: string | undefined) => (tensor === undefined ? undefined : found.get(tensor)?.values);
  const ids = found.get(idsName) as IntegerTensor;
  const attention = values(attention_mask);
  const tokens = { ids: ids.values, rows: ids.rows, length: ids.columns, attention: attention && asMask(attention) };
  const counted = values(mask);
  if (labels !== undefined) return labelledProbe(name, tokens, values(labels) as Int32Array, counted);
  if (plan.target.causal || plan.target.head === 'causal') return nextIdProbe(name, tokens, plan.target.causal);
  return labelledProbe(name, tokens, ids.values, counted);
}

const asMask = (values: Int32Array) => Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
