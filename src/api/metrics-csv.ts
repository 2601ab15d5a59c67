import type { Metrics } from '../schemas/metrics.js';

const COLUMNS = [
  'name',
  'shape',
  'mean_abs_error',
  'max_abs_error',
  'relative_error',
  'optimal_relative_error',
  'optimality_ratio',
] as const;

/** One line per tensor, RFC 4180. */
export function metricsCsv({ tensors }: Metrics): string {
  const lines = tensors.map((tensor) =>
    COLUMNS.map((column) => {
      const value = tensor[column];
      return quote(Array.isArray(value) ? value.join('x') : value === null ? '' : String(value));
    }).join(','),
  );
  return `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n`;
}

/** Quoted where needed; a leading = + - @ of a name is not left for a spreadsheet to run. */
function quote(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
