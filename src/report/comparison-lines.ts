import type { Comparison, ComparisonRow } from '../schemas/metrics.js';

export const MEASURES = {
  map_relative_error: 'relative error of the whole map, ‖M′ − M‖ / ‖M‖',
  relative_error: 'relative error of the outputs, ‖y − y′‖ / ‖y‖',
  loss: 'mean loss over the probes, nats',
} as const;

/** Levels closer than this are drawn as one: decades on a logarithmic axis, a share of the value on another. */
const NEAR_DECADES = 0.25;
const NEAR_SHARE = 0.01;

export type Point = [x: number, y: number];

export interface ComparisonLine {
  name: string;
  /** By x; on a logarithmic axis y > 0. */
  points: Point[];
  /** Not a method: what none can be below. */
  bound: boolean;
}

export interface ComparisonDrawing {
  xName: string;
  logarithmic: boolean;
  lines: ComparisonLine[];
  /** Baselines: they have no width. */
  levels: { name: string; y: number }[];
}

/** One line per method in the order of the rows, then the bound where there is one; a level per baseline. */
export function comparisonLines({ rows, measure }: Pick<Comparison, 'rows' | 'measure'>): ComparisonDrawing {
  const methods = rows.filter(({ kind }) => kind === 'method');
  const names = [...new Set(methods.map(({ name }) => name))];
  const axis = axisOf(methods, measure);
  const logarithmic = measure !== 'loss';
  const drawn = (value: number | null): value is number => value !== null && (!logarithmic || value > 0);
  const pointsOf = (name: string, column: 'lower_bound' | Comparison['measure']) =>
    methods
      .filter((row) => row.name === name)
      .flatMap((row): Point[] => {
        const value = row[column];
        return drawn(value) ? [[axis.at(row), value]] : [];
      })
      .sort(([a], [b]) => a - b);
  const lines = names.map((name): ComparisonLine => ({ name, points: pointsOf(name, measure), bound: false }));
  const bound = logarithmic && names.length > 0 ? pointsOf(names[0], 'lower_bound') : [];
  if (bound.length > 0) lines.push({ name: 'lower bound (no merge can be below)', points: bound, bound: true });
  const levels = rows.flatMap((row) => {
    const y = row[measure];
    return row.kind === 'baseline' && drawn(y) ? [{ name: row.name, y }] : [];
  });
  return { xName: axis.name, logarithmic, lines, levels: apart(levels, logarithmic) };
}

interface Axis {
  name: string;
  at: (row: ComparisonRow) => number;
}

/**
 * Where a row stands on the x axis: its share where all have one, else the width of the space the rows differ in most;
 * of language models, whose heads and units are chosen beside their width, the parameters.
 */
function axisOf(rows: readonly ComparisonRow[], measure: Comparison['measure']): Axis {
  if (measure === 'loss') return { name: 'parameters', at: ({ parameters }) => parameters };
  const spaces = Object.keys(rows[0]?.widths ?? {});
  if (spaces.length > 1 && rows.every(({ share }) => share !== null))
    return { name: 'width, % of the sources’ together', at: ({ share }) => Math.round((share as number) * 1000) / 10 };
  const distinct = (space: string) => new Set(rows.map(({ widths }) => widths?.[space])).size;
  const [space] = [...spaces].sort((a, b) => distinct(b) - distinct(a));
  return { name: space ? `width of ${space}` : 'width', at: ({ widths }) => widths?.[space] ?? 0 };
}

/** Levels that would be drawn on each other share one line and its label. */
function apart(levels: ComparisonDrawing['levels'], logarithmic: boolean): ComparisonDrawing['levels'] {
  const groups: ComparisonDrawing['levels'] = [];
  for (const level of [...levels].sort((a, b) => a.y - b.y)) {
    const last = groups.at(-1);
    const near =
      last && (logarithmic ? Math.log10(level.y / last.y) < NEAR_DECADES : level.y - last.y < NEAR_SHARE * level.y);
    if (last && near) last.name += `, ${level.name}`;
    else groups.push({ ...level });
  }
  return groups;
}
