import type { Comparison, ComparisonRow } from '../../src/schemas/metrics.js';
import type { ComparisonPlan } from '../../src/schemas/plan.js';
import type { Evaluation } from './evaluate.js';
import type { Reference } from './reference.js';
import type { Evaluated } from './whole-model-steps.js';

type Errors = Pick<ComparisonRow, 'relative_error' | 'mean_abs_error' | 'map_relative_error'>;

/** What a point's step keeps of its merge. */
export interface PointFigures {
  errors: Errors;
  /** Eckart–Young bound of an embedding's one table; null where the whole map gives the bound. */
  bound: number | null;
  probes: Evaluated['probes'];
  mean: Evaluated['mean'] | null;
  seconds: number;
}

const NO_ERRORS: Errors = { relative_error: null, mean_abs_error: null, map_relative_error: null };

export function pointFigures(data: Evaluation | Evaluated, seconds: number): PointFigures {
  if ('probes' in data) return { errors: NO_ERRORS, bound: null, probes: data.probes, mean: data.mean, seconds };
  const { relative_error, mean_abs_error, map_relative_error } = data.end_to_end;
  const table = data.tensors.length === 1 && data.spaces.length === 1 ? data.tensors[0].optimal_relative_error : null;
  return {
    errors: { relative_error, mean_abs_error, map_relative_error },
    bound: table,
    probes: [],
    mean: null,
    seconds,
  };
}

/** The table: every point in the order of its method, then the baselines. */
export function comparisonOf(
  plan: ComparisonPlan,
  figures: readonly PointFigures[],
  reference: Reference | null,
): Comparison {
  const methods = plan.points.map(({ method, share, widths, parameters, bytes }, p): ComparisonRow => {
    const { errors, bound, probes, mean, seconds } = figures[p];
    return {
      name: plan.methods[method].name,
      kind: 'method',
      share,
      widths,
      parameters,
      bytes,
      ...errors,
      lower_bound: plan.family === 'embedding' ? bound : boundAt(reference, widths),
      loss: mean?.result_loss ?? null,
      losses: mean && probes.map(({ result_loss }) => result_loss),
      seconds,
    };
  });
  const baselines = plan.baselines.map((baseline, b): ComparisonRow => {
    const { name, parameters, bytes } = baseline;
    const common = { name, kind: 'baseline' as const, share: null, widths: null, parameters, bytes };
    const errors = reference ? reference.errors[b] : NO_ERRORS;
    return { ...common, ...errors, lower_bound: null, ...lossesOf(baseline, figures[0]), seconds: null };
  });
  const every = (column: 'map_relative_error' | 'relative_error') => methods.every((row) => row[column] !== null);
  return {
    kind: 'comparison',
    measure: every('map_relative_error') ? 'map_relative_error' : every('relative_error') ? 'relative_error' : 'loss',
    probes: figures[0].probes.map(({ name }) => name),
    rows: [...methods, ...baselines],
    left_out: plan.left_out,
  };
}

function lossesOf({ kind, source }: ComparisonPlan['baselines'][number], { mean, probes }: PointFigures) {
  if (!mean) return { loss: null, losses: null };
  const alone = kind === 'source' && source !== null;
  return {
    loss: alone ? mean.source_losses[source] : mean.mean_of_sources_loss,
    losses: probes.map((probe) => (alone ? probe.source_losses[source] : probe.mean_of_sources_loss)),
  };
}

/**
 * No map through a space of width r has a rank above r, so ‖M′ − M‖_F ≥ sqrt(Σ_{j>r} σ_j²) (Eckart, Young 1936), r the
 * narrowest of the widths.
 */
function boundAt(reference: Reference | null, widths: Record<string, number>): number | null {
  const energies = reference?.energies;
  const narrowest = Math.min(...Object.values(widths));
  if (!energies || !Number.isFinite(narrowest)) return null;
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const total = sum(energies);
  return total === 0 ? 0 : Math.sqrt(sum(energies.slice(narrowest)) / total);
}
