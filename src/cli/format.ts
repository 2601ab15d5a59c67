import { inOneLine } from '../schemas/printable.js';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.4 GB`. */
export function bytes(count: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return `${power === 0 ? count : (count / 1000 ** power).toPrecision(3)} ${UNITS[power]}`;
}

/** `3 s`, `4 min`, `2 h`, `5 d`. */
export function duration(seconds: number): string {
  if (seconds < 100) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

export const age = (time: string) => duration(Math.max(0, (Date.now() - Date.parse(time)) / 1000));

/** Four significant figures; – where there is none. */
export const figure = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : Number(value.toPrecision(4)).toString();

/** Columns of text, aligned. */
export function columns(head: string[], rows: string[][]): string {
  const all = [head, ...rows.map((row) => row.map(inOneLine))];
  const widths = head.map((_, c) => Math.max(...all.map((row) => row[c].length)));
  return all
    .map((row) =>
      row
        .map((cell, c) => cell.padEnd(widths[c]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export type Fact = [name: string, value: string | null | undefined];

/** `name: value` lines, those without a value left out. */
export function facts(entries: Fact[]): string {
  const known = entries.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(width)}  ${inOneLine(value as string)}`).join('\n');
}
