import { useCallback, useMemo } from 'preact/hooks';
import type { ComparisonMetrics, ComparisonRow } from '../api/types.js';
import { count, figure } from '../format/numbers.js';
import { around, decades, frame, tooltipHtml } from './axes.js';
import { type Colors, Plot, type PlotOption } from './plot.js';

export const MEASURES: Record<ComparisonMetrics['measure'], string> = {
  map_relative_error: 'relative error of the whole map, ‖M′ − M‖ / ‖M‖',
  relative_error: 'relative error of the outputs, ‖y − y′‖ / ‖y‖',
  loss: 'mean loss over the probes, nats',
};

const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond'];
const BOUND = 'lower bound';
/** Parameters as 1.9M. */
const compact = new Intl.NumberFormat('en', { notation: 'compact' });
type Point = [x: number, y: number];

/** One line per method, the bound below which no merge can be, and a level per baseline. */
export function ComparisonPlot({ comparison }: { comparison: ComparisonMetrics }) {
  const drawn = useMemo(() => linesOf(comparison), [comparison]);
  const option = useCallback((colors: Colors) => optionOf(colors, drawn, comparison.measure), [drawn]);
  if (drawn.lines.every(({ points }) => points.length === 0)) return null;
  return (
    <figure class="body">
      <Plot
        option={option}
        height={340}
        label={`${MEASURES[comparison.measure]} against ${drawn.xName}, ${drawn.lines.length} lines.`}
      />
      <ul class="legend small">
        {drawn.lines.map(({ name }, n) => (
          <li key={name}>
            <i
              class={name === BOUND ? 'dash' : ''}
              style={{ color: name === BOUND ? 'var(--ink)' : `var(--c${n % 8})` }}
            />
            {name}
          </li>
        ))}
      </ul>
    </figure>
  );
}

interface Level {
  name: string;
  y: number;
}

interface Drawn {
  xName: string;
  lines: { name: string; points: Point[] }[];
  levels: Level[];
}

function linesOf({ rows, measure }: ComparisonMetrics): Drawn {
  const methods = rows.filter(({ kind }) => kind === 'method');
  const names = [...new Set(methods.map(({ name }) => name))];
  const axis = axisOf(methods, measure);
  const points = (list: readonly ComparisonRow[], column: 'lower_bound' | ComparisonMetrics['measure']) =>
    list
      .flatMap((row): Point[] => {
        const value = row[column];
        return value !== null && (measure === 'loss' || value > 0) ? [[axis.at(row), value]] : [];
      })
      .sort(([a], [b]) => a - b);
  const lines = names.map((name) => ({
    name,
    points: points(
      methods.filter((row) => row.name === name),
      measure,
    ),
  }));
  const bound =
    measure === 'loss'
      ? []
      : points(
          methods.filter(({ name }) => name === names[0]),
          'lower_bound',
        );
  if (bound.length > 0) lines.push({ name: BOUND, points: bound });
  const levels = rows.flatMap((row) => {
    const y = row[measure];
    return row.kind === 'baseline' && y !== null && (measure === 'loss' || y > 0) ? [{ name: row.name, y }] : [];
  });
  return { xName: axis.name, lines, levels: apart(levels, measure !== 'loss') };
}

/** Levels that would be drawn on each other share one line and its label. */
function apart(levels: readonly Level[], logarithmic: boolean): Level[] {
  const groups: Level[] = [];
  for (const level of [...levels].sort((a, b) => a.y - b.y)) {
    const last = groups.at(-1);
    const near = last && (logarithmic ? Math.log10(level.y / last.y) < 0.3 : level.y - last.y < 0.01 * level.y);
    if (last && near) last.name += `, ${level.name}`;
    else groups.push({ ...level });
  }
  return groups;
}

interface Axis {
  name: string;
  at: (row: ComparisonRow) => number;
}

/** Where a row stands on the x axis: its share, or the width of the space the rows differ in most; of language models its parameters. */
function axisOf(rows: readonly ComparisonRow[], measure: ComparisonMetrics['measure']): Axis {
  if (measure === 'loss') return { name: 'parameters', at: ({ parameters }) => parameters };
  const spaces = Object.keys(rows[0]?.widths ?? {});
  if (spaces.length > 1 && rows.every(({ share }) => share !== null))
    return { name: 'width, % of the sources’ together', at: ({ share }) => (share ?? 0) * 100 };
  const distinct = (space: string) => new Set(rows.map(({ widths }) => widths?.[space])).size;
  const [space] = spaces.sort((a, b) => distinct(b) - distinct(a));
  return { name: `width of ${space ?? 'the result'}`, at: ({ widths }) => widths?.[space] ?? 0 };
}

function optionOf(colors: Colors, { lines, levels, xName }: Drawn, measure: ComparisonMetrics['measure']): PlotOption {
  const values = [...lines.flatMap(({ points }) => points.map(([, y]) => y)), ...levels.map(({ y }) => y)];
  const shared = frame(colors, xName, measure === 'loss' ? 'loss, nats' : 'relative error');
  const series = lines.map(({ name, points }, n) => {
    const color = name === BOUND ? colors.ink : colors.series[n % colors.series.length];
    return {
      name,
      type: 'line' as const,
      data: points,
      symbol: name === BOUND ? 'none' : SYMBOLS[n % SYMBOLS.length],
      symbolSize: 7,
      lineStyle: { color, width: 2, type: name === BOUND ? ([6, 5] as [number, number]) : ('solid' as const) },
      itemStyle: { color },
      markLine: n === 0 ? levelsOf(colors, levels) : undefined,
    };
  });
  return {
    ...shared,
    xAxis: {
      ...shared.xAxis,
      scale: true,
      axisLabel: { ...shared.xAxis.axisLabel, formatter: measure === 'loss' ? compact.format : undefined },
    },
    yAxis:
      measure === 'loss'
        ? {
            ...shared.yAxis,
            type: 'value',
            ...around(values),
            axisLabel: { ...shared.yAxis.axisLabel, formatter: undefined },
          }
        : { ...shared.yAxis, ...decades(values) },
    tooltip: {
      ...shared.tooltip,
      formatter: (items) => {
        const list = (Array.isArray(items) ? items : [items]).map(({ seriesName, value }) => ({
          name: seriesName ?? '',
          value: value as Point,
        }));
        const at = list[0].value[0];
        const lines = list.map(({ name, value }): [string, number] => [name, value[1]]).sort(([, a], [, b]) => a - b);
        return tooltipHtml(`${xName.split(',')[0]} ${measure === 'loss' ? count(at) : figure(at)}`, lines);
      },
    },
    series,
  };
}

const levelsOf = ({ quiet, paper }: Colors, levels: Drawn['levels']) => ({
  silent: true,
  symbol: 'none',
  lineStyle: { color: quiet, type: [2, 4] as [number, number], width: 1.5 },
  label: {
    color: quiet,
    fontSize: 12,
    backgroundColor: paper,
    padding: [0, 4],
    position: 'insideStartTop' as const,
    formatter: '{b}',
  },
  data: levels.map(({ name, y }) => ({ name, yAxis: y })),
});
