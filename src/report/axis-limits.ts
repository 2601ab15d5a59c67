/** Where an axis begins and ends. */
export interface Limits {
  min: number;
  max: number;
}

/** The decades the values lie in, one at least, as limits of a logarithmic axis; values ≤ 0 have no place on it. */
export function decades(values: readonly number[]): Limits {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  if (logs.length === 0) return { min: 0.1, max: 1 };
  const [least, most] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  return { min: 10 ** least, max: 10 ** Math.max(most, least + 1) };
}

/** The tens, ones, tenths, … the values lie in, levels too: an axis left to itself looks at points only. */
export function around(values: readonly number[]): Limits {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = 10 ** Math.floor(Math.log10(most - least || Math.abs(most) || 1));
  return { min: rounded(Math.floor(least / step) * step), max: rounded(Math.ceil(most / step) * step) };
}

/** Without the last digits of a product, 0.30000000000000004. */
const rounded = (value: number) => Number(value.toPrecision(12));

/** A range of whole numbers with some room on both sides, so that no point lies on the frame. */
export function padded(values: readonly number[]): Limits {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least || most || 1) * 0.06;
  return { min: Math.max(0, Math.floor(least - room)), max: Math.ceil(most + room) };
}

/** Part of the axis's height in which a label above a line meets the frame. */
const LABEL_HEIGHT = 0.08;

/** Whether a label has its place below the line at `value`, not above it. */
export function isNearTop(value: number, { min, max }: Limits, logarithmic: boolean): boolean {
  const at = logarithmic ? Math.log10 : (y: number) => y;
  return at(max) - at(value) < LABEL_HEIGHT * (at(max) - at(min));
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** A power of ten as the tick of a logarithmic axis: `10⁻⁵`, `0.01`, `1`, `10,000`, `10⁵`. */
export function powerOfTen(value: number): string {
  const exponent = Math.round(Math.log10(value));
  if (exponent >= -2 && exponent <= 4) return (10 ** exponent).toLocaleString('en');
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join('');
  return `10${exponent < 0 ? '⁻' : ''}${digits}`;
}

/** Whole numbers too long for a tick as `1.9M`. */
const LONG = 1e5;
const compact = new Intl.NumberFormat('en', { notation: 'compact' });

/** The tick of an axis of widths or parameters: `1,000`, `1.9M`. */
export const wholeTick = (value: number) => (value < LONG ? value.toLocaleString('en') : compact.format(value));
