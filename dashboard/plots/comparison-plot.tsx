import { useCallback, useMemo } from 'preact/hooks';
import { count } from '../../src/format/numbers.js';
import { around, decades, isNearTop, type Limits, padded, wholeTick } from '../../src/report/axis-limits.js';
import {
  type ComparisonDrawing,
  type ComparisonLine,
  comparisonLines,
  MEASURES,
  type Point,
} from '../../src/report/comparison-lines.js';
import type { ComparisonMetrics } from '../api/types.js';
import { frame, tooltipHtml } from './axes.js';
import { type Colors, Plot, type PlotOption } from './plot.js';

const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond'];

/** One line per method, the bound below which no merge can be, and a level per baseline. */
export function ComparisonPlot({ comparison }: { comparison: ComparisonMetrics }) {
  const drawing = useMemo(() => comparisonLines(comparison), [comparison]);
  const option = useCallback((colors: Colors) => optionOf(colors, drawing), [drawing]);
  const { lines, xName } = drawing;
  if (lines.every(({ points }) => points.length === 0)) return null;
  return (
    <figure class="body">
      <Plot
        option={option}
        height={340}
        label={`${MEASURES[comparison.measure]} against ${xName}, ${lines.length} lines.`}
      />
      <ul class="legend small">
        {lines.map(({ name, bound }, n) => (
          <li key={name}>
            <i class={bound ? 'dash' : ''} style={{ color: bound ? 'var(--ink)' : `var(--c${n % 8})` }} />
            {name}
          </li>
        ))}
      </ul>
    </figure>
  );
}

function optionOf(colors: Colors, { lines, levels, xName, logarithmic }: ComparisonDrawing): PlotOption {
  const points = lines.flatMap((line) => line.points);
  const values = [...points.map(([, y]) => y), ...levels.map(({ y }) => y)];
  const limits = (logarithmic ? decades : around)(values);
  const shared = frame(colors, xName, logarithmic ? 'relative error' : 'loss, nats');
  const seriesOf = ({ name, points: data, bound }: ComparisonLine, n: number) => {
    const color = bound ? colors.ink : colors.series[n % colors.series.length];
    return {
      name,
      type: 'line' as const,
      data,
      symbol: bound ? 'none' : SYMBOLS[n % SYMBOLS.length],
      symbolSize: 7,
      lineStyle: { color, width: 2, type: bound ? ([6, 5] as [number, number]) : ('solid' as const) },
      itemStyle: { color },
      markLine: n === 0 ? levelsOf(colors, levels, limits, logarithmic) : undefined,
    };
  };
  return {
    ...shared,
    xAxis: {
      ...shared.xAxis,
      ...padded(points.map(([x]) => x)),
      axisLabel: { ...shared.xAxis.axisLabel, showMinLabel: false, showMaxLabel: false, formatter: wholeTick },
    },
    yAxis: logarithmic
      ? { ...shared.yAxis, ...limits }
      : { ...shared.yAxis, ...limits, type: 'value', axisLabel: { ...shared.yAxis.axisLabel, formatter: undefined } },
    tooltip: {
      ...shared.tooltip,
      formatter: (items) => {
        const list = (Array.isArray(items) ? items : [items]).map(({ seriesName, value }) => ({
          name: seriesName ?? '',
          at: value as Point,
        }));
        const told = list.map(({ name, at: [, y] }): [string, number] => [name, y]).sort(([, a], [, b]) => a - b);
        return tooltipHtml(`${xName.split(',')[0]} ${count(list[0].at[0])}`, told);
      },
    },
    series: lines.map(seriesOf),
  };
}

const levelsOf = (
  { quiet, paper }: Colors,
  levels: ComparisonDrawing['levels'],
  limits: Limits,
  logarithmic: boolean,
) => ({
  silent: true,
  symbol: 'none',
  lineStyle: { color: quiet, type: [2, 4] as [number, number], width: 1.5 },
  label: { color: quiet, fontSize: 12, backgroundColor: paper, padding: [0, 4], formatter: '{b}' },
  data: levels.map(({ name, y }) => ({
    name,
    yAxis: y,
    label: {
      position: isNearTop(y, limits, logarithmic) ? ('insideStartBottom' as const) : ('insideStartTop' as const),
    },
  })),
});
