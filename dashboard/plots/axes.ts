import { figure } from '../format/numbers.js';
import type { Colors } from './plot.js';

/** The decades the values lie in, as limits of a logarithmic axis. */
export function decades(values: readonly number[]): { min: number; max: number } {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  if (logs.length === 0) return { min: 0.1, max: 1 };
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  return { min: 10 ** Math.floor(least), max: 10 ** Math.max(Math.ceil(most), Math.floor(least) + 1) };
}

/** The tens, ones, tenths, … the values lie in, levels too: an axis left to itself looks at points only. */
export function around(values: readonly number[]): { min: number; max: number } {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = 10 ** Math.floor(Math.log10(most - least || Math.abs(most) || 1));
  const rounded = (value: number) => Number(value.toPrecision(12)); // not 0.30000000000000004
  return { min: rounded(Math.floor(least / step) * step), max: rounded(Math.ceil(most / step) * step) };
}

const power = (value: number) =>
  value >= 0.01 && value < 1e4 ? String(Number(value.toPrecision(1))) : value.toExponential(0);

/** What every plot here shares: quiet frame, axis names in words, a tooltip that follows the x axis. */
export function frame({ ink, quiet, rule, paper }: Colors, xName: string, yName: string) {
  const text = { color: quiet, fontSize: 12, fontFamily: 'inherit' };
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: {
      left: 6,
      right: 16,
      top: 30,
      bottom: 26,
      outerBoundsMode: 'same' as const,
      outerBoundsContain: 'axisLabel' as const,
    },
    tooltip: {
      trigger: 'axis' as const,
      confine: true,
      transitionDuration: 0,
      backgroundColor: paper,
      borderColor: rule,
      textStyle: { color: ink, fontSize: 12 },
      axisPointer: { lineStyle: { color: quiet, type: 'dashed' as const } },
    },
    xAxis: {
      type: 'value' as const,
      name: xName,
      nameLocation: 'middle' as const,
      nameGap: 26,
      nameTextStyle: text,
      axisLabel: { ...text, hideOverlap: true },
      axisLine: { lineStyle: { color: rule } },
      axisTick: { lineStyle: { color: rule } },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'log' as const,
      name: yName,
      nameLocation: 'end' as const,
      nameGap: 12,
      nameTextStyle: { ...text, align: 'left' as const },
      axisLabel: { ...text, hideOverlap: true, formatter: power },
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: rule } },
    },
  };
}

/** A vertical line at a width, named. */
export const cutAt = ({ ink, paper }: Colors, width: number, name: string, most: number) => ({
  silent: true,
  symbol: 'none',
  lineStyle: { color: ink, type: 'dashed' as const, width: 1.5 },
  label: {
    formatter: name,
    color: ink,
    fontSize: 12,
    backgroundColor: paper,
    padding: [1, 4],
    position: 'insideEndTop' as const,
    rotate: 0,
    // Beside the line, on the side with more room.
    align: width > most / 2 ? ('right' as const) : ('left' as const),
    distance: 4,
  },
  data: [{ xAxis: width }],
});

/** `name: value` lines of a tooltip, as text nodes would be: names come from specs. */
export function tooltipHtml(title: string, lines: readonly [name: string, value: number | string][]): HTMLElement {
  const box = document.createElement('div');
  const head = document.createElement('strong');
  head.textContent = title;
  box.append(head);
  for (const [name, value] of lines) {
    const line = document.createElement('div');
    line.textContent = `${name} ${typeof value === 'number' ? figure(value) : value}`;
    box.append(line);
  }
  return box;
}
