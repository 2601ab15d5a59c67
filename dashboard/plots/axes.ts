import { figure } from '../../src/format/numbers.js';
import { powerOfTen } from '../../src/report/axis-limits.js';
import type { Colors } from './plot.js';

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
      axisLabel: { ...text, hideOverlap: true, formatter: powerOfTen },
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
