import { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import { showPlan } from '../plan/show-plan.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Machine } from '../schemas/machine.js';
import type { Plan, ShownPlan } from '../schemas/plan.js';
import { revive, type SentError } from '../threads/answer.js';
import { type Fetched, inspectSources } from './inputs.js';
import { JobStore } from './job-store.js';
import { Outlines, type SourceSettings } from './outlines.js';
import type { InputFile } from './record.js';

export interface InspectInput {
  spec: JobSpec;
  settings: SourceSettings;
  /** Of remote sources, by their place in the spec: what was fetched, or what stood in the way. */
  fetched: ({ outline: Fetched } | { error: SentError } | undefined)[];
  machine: Machine;
  /** Whose speed the time is estimated from. */
  estimatedFor: string;
  /** For a client to look at, with what stands in the way of the job just now; otherwise for a worker to run. */
  show?: { warnings: string[] };
}

/** A plan as JSON text (UTF-8), and what the API needs of it and of the sources. */
export interface InspectedText extends Pick<Plan, 'family' | 'costs' | 'steps'> {
  plan: Uint8Array;
  inputs: InputFile[];
  /** File with the earlier job's bases, where the plan takes them. */
  bases?: string;
}

interface Reading {
  checkpoints: CheckpointStore;
  store: JobStore;
  outlines: Outlines;
}
/** What was read of checkpoints is kept from one job to the next. */
const readings = new Map<string, Reading>();

/** Read what a job reads and plan it. @throws SpecError where it could not succeed */
export async function inspectInput(input: InspectInput): Promise<InspectedText> {
  const { spec, fetched, machine, estimatedFor, show } = input;
  const { checkpoints, store, outlines } = readingOf(input.settings);
  const inspected = await inspectSources(spec, checkpoints, store, outlines, outlineOf(fetched), machine);
  const { inputs, bases } = inspected;
  const plan: Plan = { ...inspected.plan, costs: { ...inspected.plan.costs, estimated_for: estimatedFor } };
  const { family, costs, steps } = plan;
  const shown = show ? withWarnings(showPlan(plan), show.warnings) : plan;
  return { plan: new TextEncoder().encode(JSON.stringify(shown)), family, costs, steps, inputs, bases };
}

/** Those of the job before those of the plan itself. */
function withWarnings(plan: ShownPlan, more: string[]): ShownPlan {
  const warnings = [...more, ...(plan.warnings ?? [])];
  return warnings.length > 0 ? { ...plan, warnings } : plan;
}

const outlineOf = (fetched: InspectInput['fetched']) => (source: number) => {
  const one = fetched[source];
  if (one && 'error' in one) throw revive(one.error);
  return one?.outline;
};

function readingOf(settings: SourceSettings): Reading {
  const key = JSON.stringify(settings);
  const known = readings.get(key);
  if (known) return known;
  const checkpoints = new CheckpointStore(settings.DATA_DIR, settings.MAX_HEADER_BYTES);
  const made = { checkpoints, store: new JobStore(settings.DATA_DIR), outlines: new Outlines(settings, checkpoints) };
  readings.set(key, made);
  return made;
}
