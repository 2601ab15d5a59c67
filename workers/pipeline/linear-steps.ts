import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { INDEX_FILE } from '../../src/checkpoints/shard-index.js';
import { openSpaces, resolveWidths } from '../../src/plan/resolve-widths.js';
import { EVALUATE_STEP, JOIN_STEP } from '../../src/plan/steps.js';
import { LARGEST_HEADER_BYTES } from '../../src/safetensors/header.js';
import type { LinearPlan, StepPlan } from '../../src/schemas/plan.js';
import type { Attempt } from './attempt.js';
import { basisReport } from './basis.js';
import { basisStep } from './basis-step.js';
import { calibrationStep } from './calibration.js';
import { constantsStep } from './constants.js';
import type { StepContext } from './context.js';
import { downstreamStep } from './downstream.js';
import { type Evaluation, evaluateStep } from './evaluate.js';
import { foldStep } from './fold.js';
import { joinBases, joinStep } from './join-bases.js';
import { json, type Publication, publish } from './publish.js';
import { TensorReader } from './sources.js';

/** The steps of a chain or an embedding: bases, output files, evaluation, publication. */
export function linearSteps(attempt: Attempt, plan: LinearPlan): (step: StepPlan) => Promise<void> {
  const context = linearContext(attempt, plan);
  return async (step) => {
    if (step.phase !== 'basis') context.plan = await resolvedPlan(context, plan);
    if (step.id === 'constants') await constantsStep(context);
    else if (step.id === 'inputs') await calibrationStep(context);
    else if (step.id === 'downstream') await downstreamStep(context);
    else if (step.id === JOIN_STEP) await joinStep(context);
    else if (step.phase === 'basis') await basisStep(context, step.subject);
    else if (step.phase === 'fold') await foldStep(context, step.id, step.subject);
    else if (step.phase === 'evaluate') await evaluateStep(context, step);
    else await publishLinear(attempt, context);
  };
}

/** What the steps of a linear plan work with in this attempt. */
export function linearContext({ run, readers, steps, watch, bases }: Attempt, plan: LinearPlan): StepContext {
  const { record, la, signal, locate } = run;
  const { probe, method } = record.spec;
  const open = (named: { checkpoint: string; file: string }) => () =>
    CheckpointReader.openFiles(
      [(locate as NonNullable<typeof locate>)(named.checkpoint, named.file)],
      LARGEST_HEADER_BYTES,
    );
  return {
    jobId: record.id,
    spec: record.spec,
    plan,
    la,
    sources: readers,
    reader: new TensorReader(la, readers, plan.precision, watch, signal),
    steps,
    watch,
    signal,
    bases,
    storedBases: run.storedBases,
    openProbe: locate && probe && !Array.isArray(probe) && 'checkpoint' in probe ? open(probe) : undefined,
    openCalibration:
      locate && method.calibration && 'checkpoint' in method.calibration ? open(method.calibration) : undefined,
  };
}

/** The plan with the widths that its bases turned out to have. */
async function resolvedPlan(context: StepContext, plan: LinearPlan): Promise<LinearPlan> {
  const widths = new Map<string, number>();
  for (const { name } of openSpaces(plan)) widths.set(name, (await basisReport(context, name)).width);
  return resolveWidths(plan, context.spec, widths);
}

async function publishLinear(attempt: Attempt, context: StepContext): Promise<void> {
  const { plan, steps, jobId } = context;
  const evaluation = (await steps.require<Evaluation>(EVALUATE_STEP)).data;
  const files: Publication['files'] = {};
  for (const { id, phase } of plan.steps) {
    if (phase !== 'fold' && id !== JOIN_STEP) continue;
    for (const [file, written] of Object.entries((await steps.require(id)).files))
      files[file] = { path: steps.file(file), written };
  }
  if (!plan.steps.some(({ id }) => id === JOIN_STEP))
    for (const [file, written] of Object.entries(await joinBases(context)))
      files[file] = { path: steps.target(file), written };
  await publish({
    ...attempt.publication(),
    files,
    texts: { 'config.json': json(plan.config), ...(plan.shards.length > 1 && { [INDEX_FILE]: indexOf(plan) }) },
    metrics: () => ({ job_id: jobId, kind: 'linear', ...evaluation, ...attempt.measured() }),
  });
}

function indexOf({ shards }: LinearPlan): string {
  const weightMap = Object.fromEntries(shards.flatMap(({ file, tensors }) => tensors.map((name) => [name, file])));
  return json({ metadata: { total_size: shards.reduce((sum, { bytes }) => sum + bytes, 0) }, weight_map: weightMap });
}
