import type { EChartsOption, LineSeriesOption, SeriesOption } from 'echarts';
import { around, decades, isNearTop, padded, powerOfTen, wholeTick } from './axis-limits.js';
import { escapeHtml } from './page.js';

export interface Line {
  name: string;
  /** Points (x, y) by x; on a logarithmic axis y > 0. */
  points: [x: number, y: number][];
  dashed?: boolean;
  /** CSS colour. */
  color: string;
  symbol?: Symbol;
}

export interface Level {
  name: string;
  y: number;
}

export interface PlotInput {
  lines: Line[];
  /** Horizontal lines across the plot. */
  levels: Level[];
  /** Vertical lines, in the colour of what they cut. */
  cuts?: { name: string; x: number; color: string }[];
  xName: string;
  yName: string;
  logarithmic: boolean;
  /** Two of these stand side by side where the page is wide. */
  half?: boolean;
}

export const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond'] as const;
type Symbol = (typeof SYMBOLS)[number];

const SIZES = {
  wide: { width: 1080, height: 440, font: 14 },
  half: { width: 540, height: 340, font: 13 },
  narrow: { width: 400, height: 340, font: 13 },
} as const;

/**
 * Lines over x with horizontal levels, drawn as SVG without a browser, once for wide and once for narrow pages (text
 * keeps its size in both). Colours stay CSS, so the page's light and dark apply.
 */
export async function plot(input: PlotInput): Promise<string> {
  const { init } = await import('./echarts.js'); // large; loaded by those who draw only
  const draw = (size: keyof typeof SIZES) => {
    const { width, height } = SIZES[size];
    const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
    chart.setOption(optionOf(input, size));
    const svg = chart.renderToSVGString({ useViewBox: true });
    chart.dispose();
    return `<div class="${size === 'narrow' ? size : 'wide'}">${svg.replace('<svg ', `<svg role="img" aria-label="${input.yName} against ${input.xName}" `)}</div>`;
  };
  return `<figure>${draw(input.half ? 'half' : 'wide')}${draw('narrow')}<figcaption>${input.lines.map(key).join('')}</figcaption></figure>`;
}

/** The legend is HTML: it wraps as the page does. */
const key = ({ name, color, dashed }: Line) =>
  `<span><i class="${dashed ? 'dash' : 'key'}" style="${dashed ? 'border' : 'background'}-color:${color}"></i>${escapeHtml(name)}</span>`;

function optionOf(
  { lines, levels, cuts = [], xName, yName, logarithmic }: PlotInput,
  size: keyof typeof SIZES,
): EChartsOption {
  const { font } = SIZES[size];
  const text = { color: 'var(--ink)', fontSize: font, fontFamily: 'system-ui, sans-serif' };
  const quiet = { ...text, color: 'var(--quiet)' };
  const rule = { lineStyle: { color: 'var(--rule)' } };
  const series = lines.map(
    ({ name, points, dashed, color, symbol }): SeriesOption => ({
      name,
      type: 'line',
      data: points,
      symbol: symbol ?? 'none',
      symbolSize: 8,
      showSymbol: symbol !== undefined,
      silent: true,
      lineStyle: { color, width: 2, type: dashed ? [6, 5] : 'solid' },
      itemStyle: { color },
    }),
  );
  const values = [...lines.flatMap(({ points }) => points.map(([, y]) => y)), ...levels.map(({ y }) => y)];
  const limits = (logarithmic ? decades : around)(values);
  const level = marks('levels', {
    lineStyle: { color: 'var(--quiet)', type: [2, 4], width: 1.5 },
    label: {
      ...quiet,
      formatter: '{b}',
      width: SIZES[size].width - 110,
      overflow: 'truncate',
    },
    data: levels.map(({ name, y }) => ({
      name,
      yAxis: y,
      label: { position: isNearTop(y, limits, logarithmic) ? 'insideStartBottom' : 'insideStartTop' },
    })),
  });
  const upright = marks('cuts', {
    label: { show: false },
    data: cuts.map(({ name, x, color }) => ({ name, xAxis: x, lineStyle: { color, type: [5, 4], width: 1.5 } })),
  });
  const xs = [...lines.flatMap(({ points }) => points.map(([x]) => x)), ...cuts.map(({ x }) => x)];
  return {
    animation: false,
    textStyle: text,
    grid: { left: 8, right: 20, top: 32, bottom: 8, outerBoundsMode: 'same' },
    xAxis: {
      type: 'value',
      name: xName,
      nameLocation: 'middle',
      nameGap: 30,
      nameTextStyle: text,
      ...padded(xs),
      axisLabel: { ...quiet, showMinLabel: false, showMaxLabel: false, formatter: wholeTick },
      axisLine: rule,
      splitLine: { show: false },
    },
    yAxis: {
      type: logarithmic ? 'log' : 'value',
      name: yName,
      nameLocation: 'end',
      nameTextStyle: { ...text, align: 'left', padding: [0, 0, 4, 0] },
      ...limits,
      axisLabel: { ...quiet, formatter: logarithmic ? powerOfTen : undefined },
      axisLine: { ...rule, show: true },
      splitLine: rule,
    },
    series: [...series, ...(levels.length > 0 ? [level] : []), ...(cuts.length > 0 ? [upright] : [])],
  };
}

/** Lines across the plot: a series without points that only carries them. */
const marks = (name: string, markLine: LineSeriesOption['markLine']): SeriesOption => ({
  name,
  type: 'line',
  data: [],
  silent: true,
  markLine: { symbol: 'none', silent: true, ...markLine },
});
