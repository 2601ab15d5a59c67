const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const RATES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

const three = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

function scaled(value: number, units: readonly string[]): string {
  let [scale, rest] = [0, value];
  while (rest >= 999.5 && scale < units.length - 1) {
    rest /= 1000;
    scale += 1;
  }
  return `${scale === 0 ? String(Math.round(rest)) : three(rest)} ${units[scale]}`;
}

/** Bytes in decimal units, three figures: `12.3 MB`. */
export const bytes = (value: number) => scaled(value, SIZES);

/** Operations: `1.25 GFLOP`. */
export const flops = (value: number) => `${scaled(value, RATES)}FLOP`;

/** Whole numbers with separators: `30,522`. */
export const count = (value: number) => value.toLocaleString('en');

/** Four significant figures; – where there is none. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? value.toPrecision(4) : value.toExponential(3);
}

/** Shares nearer to 1 than this are 1 but for rounding. */
const ROUNDING = 1e-10;

/** A share as per cent; close to 100 with as many nines as it takes to tell it from 100. */
export function percent(share: number): string {
  const rest = 1 - share;
  const digits = rest > ROUNDING && rest < 0.01 ? Math.min(8, Math.ceil(-Math.log10(rest)) - 1) : 1;
  return `${(share * 100).toFixed(digits)} %`;
}

/** `512 × 1,000` */
export const shape = (extents: readonly (number | null)[]) =>
  extents.length === 0 ? 'scalar' : extents.map((extent) => (extent === null ? '?' : count(extent))).join(' × ');
