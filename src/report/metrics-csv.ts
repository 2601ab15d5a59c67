import type { AnyMetrics, ComparisonRow } from '../schemas/metrics.js';

const COLUMNS = [
  'name',
  'shape',
  'mean_abs_error',
  'max_abs_error',
  'relative_error',
  'optimal_relative_error',
  'optimality_ratio',
] as const;

const COMPARISON_COLUMNS = [
  'name',
  'kind',
  'share',
  'widths',
  'parameters',
  'bytes',
  'map_relative_error',
  'lower_bound',
  'relative_error',
  'mean_abs_error',
  'loss',
] as const;

/** One line per tensor (of a comparison: per row), RFC 4180. */
export function metricsCsv(metrics: AnyMetrics): string {
  if (metrics.kind === 'comparison') {
    // where there is one probe, its loss is the mean
    const probes = metrics.probes.length > 1 ? metrics.probes : [];
    const losses = ({ losses }: ComparisonRow) =>
      Object.fromEntries(probes.map((probe, p) => [`loss ${probe}`, losses?.[p] ?? null]));
    const rows = metrics.rows.map((row) => ({ ...row, ...losses(row), widths: row.widths && pairs(row.widths) }));
    return table<string>([...COMPARISON_COLUMNS, ...probes.map((probe) => `loss ${probe}`), 'seconds'], rows);
  }
  return table<(typeof COLUMNS)[number]>(COLUMNS, metrics.tensors);
}

const pairs = (widths: Record<string, number>) =>
  Object.entries(widths)
    .map(([space, width]) => `${space}=${width}`)
    .join(' ');

function table<C extends string>(columns: readonly C[], rows: readonly Record<C, unknown>[]): string {
  const cell = (value: unknown) => (Array.isArray(value) ? value.join('x') : value === null ? '' : String(value));
  const lines = rows.map((row) => columns.map((column) => quote(cell(row[column]))).join(','));
  return `${[columns.map(quote).join(','), ...lines].join('\r\n')}\r\n`;
}

/** Quoted where needed; a leading = + - @ of a name is not left for a spreadsheet to run. */
function quote(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
