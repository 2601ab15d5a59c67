import { bytes, count, figure } from '../format/numbers.js';
import { duration } from '../format/times.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Comparison, ComparisonRow } from '../schemas/metrics.js';
import { isTransformer } from '../schemas/model.js';
import { comparisonLines, MEASURES } from './comparison-lines.js';
import { type Column, escapeHtml, htmlTable, page } from './page.js';
import { type Line, plot, SYMBOLS } from './plot.js';

const COLORS = 8;

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

async function comparisonPlot(comparison: Comparison, names: readonly string[]): Promise<string> {
  const { lines, ...rest } = comparisonLines(comparison);
  if (lines.every(({ points }) => points.length === 0)) return '';
  const drawn = lines.map(
    ({ bound, ...line }, n): Line =>
      bound
        ? { ...line, dashed: true, color: 'var(--ink)' }
        : { ...line, color: keyColor(names, line.name), symbol: SYMBOLS[n % SYMBOLS.length] },
  );
  return plot({ ...rest, lines: drawn, yName: MEASURES[comparison.measure] });
}

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
    ...when('mean_abs_error', 'mean |y\u00a0−\u00a0y′|'),
    ...when('loss', 'mean loss'),
    ...(probes.length > 1
      ? probes.map((probe, p) => ({
          title: `loss, ${probe}`,
          cell: ({ losses }: ComparisonRow) => figure(losses?.[p] ?? null),
        }))
      : []),
    { title: 'parameters', cell: ({ parameters }) => count(parameters) },
    { title: 'size', cell: (row) => bytes(row.bytes) },
    { title: 'merge', cell: ({ seconds }) => (seconds === null ? '–' : duration(seconds)) },
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
    'Merge',
    isTransformer(spec.model)
      ? 'calibration, fit and files; the losses are measured afterwards.'
      : 'bases and fold; a decomposition that several rows share counts in the first of them.',
  ]);
  for (const { name, reason } of left_out) entries.push([`Left out: ${name}`, `${reason}.`]);
  const list = entries.map(([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`).join('\n');
  return `<h2>What is what</h2>\n<dl>${list}</dl>`;
}
