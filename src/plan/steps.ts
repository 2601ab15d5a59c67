import type { StepPlan } from '../schemas/plan.js';

/** A step as a planner names it. Without `after` it waits for every step of the phases before its own. */
export type StepDraft = Omit<StepPlan, 'after'> & Partial<Pick<StepPlan, 'after'>>;

/** The last step of every plan. It has no marker: the published result and the job's outcome say that it has finished. */
export const PUBLISH_STEP = 'publish';

/** What a chain's or an embedding's evaluation consists of: errors per space, outputs, parts of the whole map; and their sum. */
export const errorsStep = ({ name }: { name: string }) => `errors-${name}`;
export const OUTPUTS_STEP = 'outputs';
export const mapStep = (group: number) => `map-${group + 1}`;
export const EVALUATE_STEP = 'evaluate';

/** The bases of all spaces put into one file, beside other steps; in a small model a part of publishing. */
export const JOIN_STEP = 'bases';

/** Phases of steps, in their order. */
export const PHASE_ORDER: readonly StepPlan['phase'][] = ['basis', 'fold', 'evaluate', 'publish'];

/**
 * Steps with what each waits for, in an order that runs them: every step comes after those it needs, else as drafted.
 * @throws Error for a step that waits for an unknown one, or for itself in the end: a defect of a planner
 */
export function orderSteps(drafts: readonly StepDraft[]): StepPlan[] {
  const steps = drafts.map((draft): StepPlan => ({ ...draft, after: draft.after ?? before(draft, drafts) }));
  const ordered: StepPlan[] = [];
  const done = new Set<string>();
  while (ordered.length < steps.length) {
    const next = steps.find(({ id, after }) => !done.has(id) && after.every((other) => done.has(other)));
    if (!next) throw new Error(`Steps wait for each other or for unknown ones: ${JSON.stringify(steps)}.`);
    ordered.push(next);
    done.add(next.id);
  }
  return ordered;
}

/** All steps of the nearest phase before that has any; those wait for the phases before them in turn. */
function before({ phase }: StepDraft, drafts: readonly StepDraft[]): string[] {
  for (let p = PHASE_ORDER.indexOf(phase) - 1; p >= 0; p--) {
    const found = drafts.filter((other) => other.phase === PHASE_ORDER[p]);
    if (found.length > 0) return found.map(({ id }) => id);
  }
  return [];
}

/** Steps that can run now, given those that have finished; never empty before the job has ended. */
export function readySteps(steps: readonly StepPlan[], finished: ReadonlySet<string>): StepPlan[] {
  return steps.filter(
    ({ id, after }) => (id === PUBLISH_STEP || !finished.has(id)) && after.every((other) => finished.has(other)),
  );
}
