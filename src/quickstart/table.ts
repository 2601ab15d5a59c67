import type { Metrics } from '../schemas/metrics.js';
import { layerName } from './notebook-data.js';

/** What the notebook printed (randomized PCA in float32). */
const NOTEBOOK = { w0: '0.0017343', w0Separate: '0.0026181 / 0.0026127', w1: '8.02e-8', output: '0.0002' };

/** The service's figures beside the notebook's. */
export function resultTable({ diag, separate }: { diag: Metrics; separate: Metrics }): string {
  const tensor = (metrics: Metrics, l: number) => metrics.tensors.find(({ name }) => name === layerName(l));
  const figure = (value: number | undefined) => (value === undefined ? '–' : value.toPrecision(5));
  const rows = [
    ['mean error of', 'notebook', 'weightfold'],
    ['W_0, diag', NOTEBOOK.w0, figure(tensor(diag, 0)?.mean_abs_error)],
    [
      'W_0, separate (A / B)',
      NOTEBOOK.w0Separate,
      (tensor(separate, 0)?.mean_abs_error_by_source ?? []).map(figure).join(' / '),
    ],
    ['W_1, diag', NOTEBOOK.w1, figure(tensor(diag, 1)?.mean_abs_error)],
    ['network output, diag', NOTEBOOK.output, figure(diag.end_to_end.mean_abs_error)],
    ['network output, separate', NOTEBOOK.output, figure(separate.end_to_end.mean_abs_error)],
  ];
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const line = (row: string[]) => `  ${row.map((cell, c) => cell.padEnd(widths[c])).join('  ')}`.trimEnd();
  const rule = `  ${widths.map((width) => '-'.repeat(width)).join('  ')}`;
  const note = `  (mean |output| is ${diag.end_to_end.mean_abs_output.toFixed(2)}; the notebook samples its PCA at random, weightfold solves it exactly)`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line), note].join('\n');
}
