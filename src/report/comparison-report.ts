import { isTransformer, type JobSpec } from '../schemas/job-spec.js';
import type { Comparison, ComparisonRow } from '../schemas/metrics.js';
import { type Column, escapeHtml, figure, htmlTable, page } from './page.js';
import { type Line, plot, SYMBOLS } from './plot.js';

const COLORS = 8;

const MEASURES = {
  map_relative_error: 'relative error of the whole map, ‖M′ − M‖ / ‖M‖',
  relative_error: 'relative error of the outputs, ‖y − y′‖ / ‖y‖',
  loss: 'mean loss over the probes, nats',
} as const;

/** The comparison as one page: plot, table, and what the words mean. */
export async function comparisonReport(comparison: Comparison, spec: JobSpec): Promise<string> {
  const title = spec.name ?? 'Comparison of merges';
  const names = [...new Set(methodRows(comparison).map(({ name }) => name))];
  const sources = spec.sources.map((source) => ('checkpoint' in source ? source.checkpoint : source.uri)).join(', ');
  const body = `<h1>${escapeHtml(title)}</h1>
<p class="quiet">${names.length} ${names.length === 1 ? 'method' : 'methods'}, ${methodRows(comparison).length} merges of ${escapeHtml(sources)}</p>
${await comparisonPlot(comparison, names)}
<h2>Table</h2>
${comparisonTable(comparison, names)}
${notes(comparison, spec)}`;
  return page(title, body);
}

const methodRows = ({ rows }: Comparison) => rows.filter(({ kind }) => kind === 'method');

const keyColor = (names: readonly string[], name: string) => `var(--c${names.indexOf(name) % COLORS})`;

interface Axis {
  name: string;
  at: (row: ComparisonRow) => number;
}

/**
 * Where a row stands on the plot's x axis: the width of the space the rows differ in most; of language models, whose
 * heads and units are chosen beside their width, the parameters.
 */
function axisOf(rows: readonly ComparisonRow[], measure: Comparison['measure']): Axis {
  if (measure === 'loss') return { name: 'parameters', at: ({ parameters }) => parameters };
  const spaces = Object.keys(rows[0]?.widths ?? {});
  const distinct = (space: string) => new Set(rows.map(({ widths }) => widths?.[space])).size;
  const [space] = [...spaces].sort((a, b) => distinct(b) - distinct(a));
  if (spaces.length > 1 && rows.every(({ share }) => share !== null))
    return { name: 'width, % of the sources’ together', at: ({ share }) => Math.round((share as number) * 1000) / 10 };
  return { name: space ? `width of ${space}` : 'width', at: ({ widths }) => widths?.[space] ?? 0 };
}

async function comparisonPlot(comparison: Comparison, names: readonly string[]): Promise<string> {
  const { measure } = comparison;
  const rows = methodRows(comparison);
  const axis = axisOf(rows, measure);
  const logarithmic = measure !== 'loss';
  const drawn = (value: number | null): value is number => value !== null && (!logarithmic || value > 0);
  const points = (list: readonly ComparisonRow[], column: 'lower_bound' | Comparison['measure']): Line['points'] =>
    list
      .flatMap((row): [number, number][] => {
        const value = row[column];
        return drawn(value) ? [[axis.at(row), value]] : [];
      })
      .sort(([a], [b]) => a - b);
  const lines = names.map(
    (name, n): Line => ({
      name,
      points: points(
        rows.filter((row) => row.name === name),
        measure,
      ),
      color: keyColor(names, name),
      symbol: SYMBOLS[n % SYMBOLS.length],
    }),
  );
  const bound = points(
    rows.filter(({ name }) => name === names[0]),
    'lower_bound',
  );
  if (measure !== 'loss' && bound.length > 0)
    lines.push({ name: 'lower bound (no merge can be below)', points: bound, dashed: true, color: 'var(--ink)' });
  const baselines = comparison.rows.filter(({ kind, ...row }) => kind === 'baseline' && drawn(row[measure]));
  const levels = baselines.map((row) => ({ name: row.name, y: row[measure] as number }));
  if (lines.every((line) => line.points.length === 0)) return '';
  return plot({ lines, levels: apart(levels, logarithmic), xName: axis.name, yName: MEASURES[measure], logarithmic });
}

/** Levels that would be drawn on each other share one line and its label. */
function apart(levels: readonly { name: string; y: number }[], logarithmic: boolean) {
  const groups: { name: string; y: number }[] = [];
  for (const level of [...levels].sort((a, b) => a.y - b.y)) {
    const last = groups.at(-1);
    const near = last && (logarithmic ? Math.log10(level.y / last.y) < 0.25 : level.y - last.y < 0.01 * level.y);
    if (last && near) last.name += `, ${level.name}`;
    else groups.push({ ...level });
  }
  return groups;
}

const count = (value: number) => value.toLocaleString('en');

function comparisonTable(comparison: Comparison, names: readonly string[]): string {
  const { measure, rows, probes } = comparison;
  const best = Math.min(...methodRows(comparison).map((row) => row[measure] ?? Number.POSITIVE_INFINITY));
  const has = (column: keyof ComparisonRow) => rows.some((row) => row[column] !== null);
  const when = (column: keyof ComparisonRow, title: string): Column<ComparisonRow>[] =>
    has(column) ? [{ title, cell: (row) => figure(row[column] as number | null) }] : [];
  const spaces = [...new Set(rows.flatMap(({ widths }) => Object.keys(widths ?? {})))];
  const key = ({ name, kind }: ComparisonRow) =>
    kind === 'method' ? `<i class="key" style="background:${keyColor(names, name)}"></i>` : '';
  const columns: Column<ComparisonRow>[] = [
    { title: 'method', cell: (row) => key(row) + escapeHtml(row.name) },
    ...spaces.map((space) => ({
      title: space,
      cell: ({ widths }: ComparisonRow) => (widths?.[space] === undefined ? '–' : count(widths[space])),
    })),
    ...when('map_relative_error', 'error of the map'),
    ...when('lower_bound', 'lower bound'),
    ...when('relative_error', 'error of the outputs'),
    ...when('mean_abs_error', 'mean |y − y′|'),
    ...when('loss', 'mean loss'),
    ...(probes.length > 1
      ? probes.map((probe, p) => ({
          title: `loss, ${probe}`,
          cell: ({ losses }: ComparisonRow) => figure(losses?.[p] ?? null),
        }))
      : []),
    { title: 'parameters', cell: ({ parameters }) => count(parameters) },
    { title: 'megabytes', cell: ({ bytes }) => figure(bytes / 1e6) },
    { title: 'merge, s', cell: ({ seconds }) => (seconds === null ? '–' : seconds.toFixed(2)) },
  ];
  return htmlTable(columns, rows, (row) =>
    row.kind === 'baseline' ? 'baseline' : row[measure] === best ? 'best' : '',
  );
}

function notes({ measure, rows, left_out }: Comparison, spec: JobSpec): string {
  const bounded = rows.some(({ lower_bound }) => lower_bound !== null);
  const entries: [string, string][] = isTransformer(spec.model)
    ? [
        ['Loss', 'measured on the probe tokens with the result as stored; exact for these tokens.'],
        ['Source alone', 'that model as it is.'],
        ['Mean of logits', 'of all sources, each weighted as in the merge. It needs all of them.'],
      ]
    : [
        [
          'Error',
          'measured in float64 on the weights as they would be stored: of the outputs on the probe inputs, and of the whole linear map (biases left out), which needs no probe.',
        ],
        ...(bounded
          ? ([
              [
                'Lower bound',
                'Eckart–Young: a map through a space of width r has at most rank r, so no merge of these widths, by whatever method, has a smaller error of the map. It is exact, not an estimate; where it is 0, the width does not limit the rank.',
              ],
            ] as [string, string][])
          : []),
        [
          'Notebook',
          'weight PCA by randomized subspace iteration, as the research notebook does it: of all sources together (diag) or of each (separate).',
        ],
        [
          'Source alone',
          'one source stands for all: with concatenated outputs the other sources’ are zero, with shared outputs its own stand for the mean.',
        ],
        ['Mean of outputs', 'the sources’ mean output in the place of each source’s own. It needs all sources.'],
        ['Mean of weights', 'one network with the mean of the sources’ weights, fed each source’s inputs.'],
      ];
  entries.push(['Bold', `the smallest ${MEASURES[measure]}.`]);
  entries.push([
    'Merge, s',
    isTransformer(spec.model)
      ? 'calibration, fit and files; the losses are measured afterwards.'
      : 'bases and fold; a decomposition that several rows share counts in the first of them.',
  ]);
  for (const { name, reason } of left_out) entries.push([`Left out: ${name}`, `${reason}.`]);
  const list = entries.map(([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`).join('\n');
  return `<h2>What is what</h2>\n<dl>${list}</dl>`;
}
