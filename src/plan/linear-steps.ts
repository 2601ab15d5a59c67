import type { JobSpec } from '../schemas/job-spec.js';
import type { LinearPlan, SpacePlan, StepPlan } from '../schemas/plan.js';
import {
  EVALUATE_STEP,
  errorsStep,
  JOIN_STEP,
  mapStep,
  OUTPUTS_STEP,
  orderSteps,
  PUBLISH_STEP,
  type StepDraft,
} from './steps.js';
import { mapGroups } from './whole-map.js';

type Planned = Pick<LinearPlan, 'spaces' | 'tensors' | 'shards' | 'source_weights'>;

/**
 * Elements of all sources together from which errors are measured, and bases joined, by steps of their own. Fewer take
 * well under a second on one core, and every step costs some 20 ms.
 */
const SPLIT_ELEMENTS = 8 * 1024 * 1024;

const basisOf = ({ name }: SpacePlan) => `basis-${name}`;

/**
 * The steps of a chain or an embedding. What each waits for is no more than it needs: the rest runs side by side.
 * @param splitElements elements of all sources from which evaluation and publication are several steps
 */
export function linearSteps(spec: JobSpec, plan: Planned, splitElements = SPLIT_ELEMENTS): StepPlan[] {
  const reduced = plan.spaces.filter((space) => space.reduced);
  const bases = basisSteps(spec, plan, reduced);
  const folds = foldSteps(plan, reduced, bases);
  const small = elementsOf(plan) < splitElements;
  const files = folds.map(({ id }) => id);
  const measuring = small ? [evaluation(EVALUATE_STEP, 'metrics', files)] : evaluateSteps(spec, plan, reduced, files);
  const joining = small || reduced.length === 0 ? [] : [joinStep(reduced)];
  const publishing: StepDraft = {
    id: PUBLISH_STEP,
    phase: 'publish',
    subject: 'artifacts',
    after: [EVALUATE_STEP, ...joining.map(({ id }) => id)],
  };
  return orderSteps([...bases, ...folds, ...joining, ...measuring, publishing]);
}

/** Bases of writers alone are independent of each other; those that look further follow the layers. */
function basisSteps({ method }: JobSpec, { spaces }: Planned, reduced: readonly SpacePlan[]): StepDraft[] {
  const steps: StepDraft[] = [];
  const first = (id: string, subject: string, when: boolean) => {
    if (when) steps.push({ id, phase: 'basis', subject, after: [] });
  };
  const inOrder = method.basis !== 'weight';
  first('inputs', 'calibration', inOrder && method.calibration !== undefined);
  first(
    'downstream',
    'readers',
    reduced.some(({ basis }) => basis === 'balanced'),
  );
  first(
    'constants',
    'constants',
    spaces.some(({ constant }) => constant !== 'none'),
  );
  const before = steps.map(({ id }) => id);
  reduced.forEach((space, s) => {
    const previous = inOrder && s > 0 ? [basisOf(reduced[s - 1])] : [];
    steps.push({ id: basisOf(space), phase: 'basis', subject: space.name, after: [...before, ...previous] });
  });
  return steps;
}

const isOpen = (reduced: readonly SpacePlan[]) => reduced.some(({ width_goal }) => width_goal !== null);

/** A file of the result needs the bases of the layers its tensors belong to; all of them where a width is open. */
function foldSteps({ tensors, shards }: Planned, reduced: readonly SpacePlan[], bases: StepDraft[]): StepDraft[] {
  const constants = bases.map(({ id }) => id).filter((id) => id === 'constants');
  return shards.map(({ file, tensors: names }, i) => {
    const layers = new Set(tensors.filter(({ name }) => names.includes(name)).map(({ layer }) => layer));
    // A bias takes up what its layer's inputs lose of a constant, so the whole layer counts.
    const touched = tensors.filter(({ layer }) => layers.has(layer)).flatMap((t) => [t.out_space, t.in_space]);
    const needed = reduced.filter(({ name }) => isOpen(reduced) || touched.includes(name)).map(basisOf);
    return { id: `fold-${i + 1}`, phase: 'fold', subject: file, after: [...constants, ...needed] };
  });
}

const elementsOf = ({ tensors }: Planned) =>
  tensors
    .flatMap(({ sources }) => sources.map(({ shape }) => shape.reduce((all, n) => all * n, 1)))
    .reduce((sum, n) => sum + n, 0);

const joinStep = (reduced: readonly SpacePlan[]): StepDraft => ({
  id: JOIN_STEP,
  phase: 'basis',
  subject: 'bases',
  after: reduced.map(basisOf),
});

const evaluation = (id: string, subject: string, after: string[]): StepDraft => ({
  id,
  phase: 'evaluate',
  subject,
  after,
});

/** Errors of tensors need bases only; what is measured on the result needs all its files. */
function evaluateSteps(
  { model: { family } }: JobSpec,
  { spaces, source_weights }: Planned,
  reduced: readonly SpacePlan[],
  files: string[],
): StepDraft[] {
  const parts = [
    ...reduced.map((space) =>
      evaluation(errorsStep(space), space.name, (isOpen(reduced) ? reduced : [space]).map(basisOf)),
    ),
    ...mapGroups({ family, spaces, source_weights }).map((group, g) =>
      evaluation(mapStep(g), group.length > 1 ? 'whole map' : `whole map of source ${group[0]}`, files),
    ),
    evaluation(OUTPUTS_STEP, 'outputs', files),
  ];
  const sum = evaluation(
    EVALUATE_STEP,
    'metrics',
    parts.map(({ id }) => id),
  );
  return [...parts, sum];
}
