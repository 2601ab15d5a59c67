import { bytes, count, figure } from '../../src/format/numbers.js';
import { duration } from '../../src/format/times.js';
import { MEASURES } from '../../src/report/comparison-lines.js';
import type { ComparisonMetrics, ComparisonRow } from '../api/types.js';
import { type Column, SortableTable } from '../parts/sortable-table.js';
import { ComparisonPlot } from '../plots/comparison-plot.js';

/** Error against width (of language models: loss against size) per method, and the table behind it. */
export function ComparisonResult({ metrics }: { metrics: ComparisonMetrics }) {
  const { rows, measure, left_out: leftOut } = metrics;
  const methods = rows.filter(({ kind }) => kind === 'method');
  const best = Math.min(...methods.map((row) => row[measure] ?? Number.POSITIVE_INFINITY));
  return (
    <section class="card" aria-labelledby="comparison">
      <header>
        <h2 id="comparison">{measure === 'loss' ? 'Loss against size' : 'Error against width'}</h2>
        <span class="quiet small">{MEASURES[measure]}</span>
      </header>
      <ComparisonPlot comparison={metrics} />
      <SortableTable
        label="Comparison"
        columns={columnsOf(metrics)}
        rows={rows}
        rowKey={(row, n) => `${row.name} ${n}`}
        text={({ name }) => name}
        classOf={(row) => (row.kind === 'baseline' ? 'baseline' : row[measure] === best ? 'best' : '')}
      />
      {leftOut.length > 0 && (
        <ul class="body small quiet">
          {leftOut.map(({ name, reason }) => (
            <li key={name}>
              Left out: {name}, {reason}.
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

type Numeric = 'map_relative_error' | 'lower_bound' | 'relative_error' | 'mean_abs_error' | 'loss';

function columnsOf({ rows, probes, measure }: ComparisonMetrics): Column<ComparisonRow>[] {
  const spaces = [...new Set(rows.flatMap(({ widths }) => Object.keys(widths ?? {})))];
  const when = (key: Numeric, title: string): Column<ComparisonRow>[] =>
    rows.some((row) => row[key] !== null)
      ? [{ key, title, number: true, by: (row) => row[key], cell: (row) => figure(row[key]) }]
      : [];
  return [
    { key: 'name', title: 'Method', by: ({ name }) => name, cell: ({ name }) => <span class="nowrap">{name}</span> },
    ...spaces.map((space) => ({
      key: `width ${space}`,
      title: space,
      number: true,
      by: ({ widths }: ComparisonRow) => widths?.[space] ?? null,
      cell: ({ widths }: ComparisonRow) => (widths?.[space] === undefined ? '–' : count(widths[space])),
    })),
    ...when('map_relative_error', 'Error of the map'),
    ...when('lower_bound', 'Lower bound'),
    ...when('relative_error', 'Error of the outputs'),
    ...when('mean_abs_error', 'Mean |y\u00a0−\u00a0y′|'),
    ...when('loss', 'Mean loss'),
    ...(probes.length > 1 ? probes : []).map((probe, p) => ({
      key: `loss ${probe}`,
      title: `Loss, ${probe}`,
      number: true,
      by: ({ losses }: ComparisonRow) => losses?.[p] ?? null,
      cell: ({ losses }: ComparisonRow) => figure(losses?.[p]),
    })),
    {
      key: 'parameters',
      title: 'Parameters',
      number: true,
      by: ({ parameters }) => parameters,
      cell: ({ parameters }) => count(parameters),
    },
    { key: 'bytes', title: 'Size', number: true, by: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
    {
      key: 'seconds',
      title: 'Merge',
      hint:
        measure === 'loss'
          ? 'Calibration, fit and files; the losses are measured afterwards'
          : 'Bases and fold; a decomposition that several rows share counts in the first of them',
      number: true,
      by: ({ seconds }) => seconds,
      cell: ({ seconds }) => (seconds === null ? '–' : duration(seconds)),
    },
  ];
}
