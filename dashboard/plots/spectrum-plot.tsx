import { useCallback, useMemo } from 'preact/hooks';
import { count, percent } from '../../src/format/numbers.js';
import { decades } from '../../src/report/axis-limits.js';
import { cutAt, frame, tooltipHtml } from './axes.js';
import { type Colors, Plot, type PlotOption } from './plot.js';
import { type Curves, curvesOf } from './spectrum.js';

interface Cut {
  /** Singular values, descending. */
  spectrum: readonly number[];
  /** Directions kept. */
  width: number;
  space: string;
}

/** Singular values with the cut marked, and the least error any width could have. */
export function SpectrumPlots({ spectrum, width, space }: Cut) {
  const curves = useMemo(() => curvesOf(spectrum), [spectrum]);
  const sigma = useCallback((colors: Colors) => sigmaOption(colors, curves, width, spectrum.length), [curves, width]);
  const error = useCallback((colors: Colors) => errorOption(colors, curves, width, spectrum.length), [curves, width]);
  const most = count(spectrum.length);
  return (
    <div class="plots">
      <figure>
        <figcaption>Singular values</figcaption>
        <Plot
          option={sigma}
          label={`Singular values of space ${space}, ${most} of them, descending; cut at ${count(width)}.`}
        />
      </figure>
      <figure>
        <figcaption>Error against width</figcaption>
        <Plot
          option={error}
          label={`Least relative error of space ${space} at each width; at ${count(width)} of ${most} it retains ${percent(curves.retained(width))} of the energy.`}
        />
      </figure>
    </div>
  );
}

function sigmaOption(colors: Colors, { sigma }: Curves, width: number, most: number): PlotOption {
  const shared = frame(colors, 'direction', 'σ');
  return {
    ...shared,
    xAxis: { ...shared.xAxis, min: 0, max: most },
    yAxis: { ...shared.yAxis, ...decades(sigma.map(([, y]) => y)) },
    tooltip: {
      ...shared.tooltip,
      formatter: (items) => {
        const [j, value] = pointOf(items);
        return tooltipHtml(`Direction ${count(j)}`, [
          ['σ', value],
          [j <= width ? 'kept' : 'dropped', ''],
        ]);
      },
    },
    series: [line(colors, sigma, cutAt(colors, width, `cut at ${count(width)}`, most))],
  };
}

function errorOption(colors: Colors, { error, retained }: Curves, width: number, most: number): PlotOption {
  const shared = frame(colors, 'width', 'least relative error');
  return {
    ...shared,
    xAxis: { ...shared.xAxis, min: 0, max: most },
    yAxis: { ...shared.yAxis, ...decades(error.map(([, y]) => y)) },
    tooltip: {
      ...shared.tooltip,
      formatter: (items) => {
        const [r, value] = pointOf(items);
        return tooltipHtml(`Width ${count(r)}`, [
          ['least relative error', value],
          ['retained energy', percent(retained(r))],
        ]);
      },
    },
    series: [line(colors, error, cutAt(colors, width, `chosen: ${count(width)}`, most))],
  };
}

const pointOf = (items: unknown): [number, number] =>
  (Array.isArray(items) ? items[0] : items).value as [number, number];

const line = (colors: Colors, data: [number, number][], markLine: object) => ({
  type: 'line' as const,
  data,
  symbol: 'circle',
  showSymbol: false,
  lineStyle: { color: colors.series[0], width: 2 },
  itemStyle: { color: colors.series[0] },
  markLine,
});
