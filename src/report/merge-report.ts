import { bytes, count, figure, percent, shape } from '../format/numbers.js';
import { duration } from '../format/times.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Metrics, TransformerMetrics } from '../schemas/metrics.js';
import { meaningsOf, statementOf } from './merge-meaning.js';
import { spectraPlots } from './merge-plots.js';
import { type Column, escapeHtml, htmlTable, page } from './page.js';
import { reasonsOf } from './reasons-of.js';
import { timeParts } from './time-parts.js';

/** Rows of a table; a model of a thousand layers stays readable, metrics.json has them all. */
const MAX_ROWS = 400;

/** What job.json says. */
export interface Recipe {
  id: string;
  created_at: string;
  spec: JobSpec;
  inputs: readonly { source: number; file: string; size: number; sha256: string | null }[];
}

/** A merge as one page to send to a colleague: what was made of what, how far it is off, and what may be said of it. */
export async function mergeReport(
  recipe: Recipe,
  metrics: Metrics | TransformerMetrics,
  reasons: Readonly<Record<string, string>>,
): Promise<string> {
  const { spec, id, created_at } = recipe;
  const title = spec.name ?? `Merge of ${sourceNames(spec).join(', ')}`;
  const body = `<h1>${escapeHtml(title)}</h1>
<p class="quiet">${escapeHtml(sourceNames(spec).join(', '))}; job ${escapeHtml(id)} of ${escapeHtml(created_at.slice(0, 16).replace('T', ' '))} UTC</p>
<p class="statement">${statementOf(metrics)}</p>
${headline(metrics)}
${metrics.kind === 'transformer' ? probesTable(metrics) : ''}
<h2>What each space is</h2>
${spacesTable(metrics)}
${reasonsList(metrics, reasons)}
${meaningsOf(metrics)}
${await spectraPlots(metrics)}
<h2>Errors per tensor</h2>
${tensorsTable(metrics)}
<h2>Sources</h2>
${inputsTable(recipe)}
<h2>Time and environment</h2>
${environmentTable(metrics)}
<h2>Recipe</h2>
<pre>${escapeHtml(JSON.stringify(spec, null, 2))}</pre>`;
  return page(title, body);
}

const sourceNames = (spec: JobSpec) =>
  spec.sources.map((source) => {
    const part = source.columns
      ? ` [columns ${source.columns.join('–')}]`
      : source.rows
        ? ` [rows ${source.rows.join('–')}]`
        : '';
    return ('checkpoint' in source ? source.checkpoint : source.uri) + part;
  });

const plain = (value: string | number) => escapeHtml(String(value));
const shapes = (list: readonly (readonly number[])[]) => plain(list.map(shape).join(' + '));

/** The figures people look for first. */
function headline(metrics: Metrics | TransformerMetrics): string {
  const entries: [string, string][] =
    metrics.kind === 'linear'
      ? [
          ['error of the outputs', figure(metrics.end_to_end.relative_error)],
          ['error of the whole map', figure(metrics.end_to_end.map_relative_error)],
          ['cosine of the outputs', figure(metrics.end_to_end.cosine)],
        ]
      : [
          ['loss of the result', figure(metrics.end_to_end.result_loss)],
          ['losses of the sources', metrics.end_to_end.source_losses.map(figure).join(', ')],
          ['loss of the mean of the sources', figure(metrics.end_to_end.mean_of_sources_loss)],
        ];
  const shown = entries.filter(([, value]) => /[0-9]/.test(value));
  return `<div class="figures">${shown.map(([name, value]) => `<div><b>${plain(value)}</b><span>${plain(name)}</span></div>`).join('')}</div>`;
}

type Space = (Metrics | TransformerMetrics)['spaces'][number];

function spacesTable({ kind, spaces }: Metrics | TransformerMetrics): string {
  const columns: Column<Space>[] = [
    { title: 'space', cell: ({ name }) => plain(name) },
    { title: 'is', text: true, cell: ({ legality }) => `<b class="${legality}">${legality}</b>` },
    { title: 'sources', cell: ({ source_width }) => count(source_width) },
    { title: 'width', cell: ({ width }) => count(width) },
    {
      title: 'energy kept',
      cell: ({ retained_energy: energy }) => (energy === null ? '–' : percent(energy)),
    },
    ...(kind === 'linear'
      ? [
          {
            title: 'error left out',
            cell: (space: Space) => figure('tail_relative_error' in space ? space.tail_relative_error : null),
          },
        ]
      : []),
  ];
  return htmlTable(columns, spaces);
}

/** Why each space is what it is, from the plan where the metrics do not say. */
function reasonsList({ spaces }: Metrics | TransformerMetrics, reasons: Readonly<Record<string, string>>): string {
  const reasonOf = (space: Space) => ('reason' in space ? space.reason : (reasons[space.name] ?? ''));
  const list = reasonsOf(
    spaces.map((space) => ({ name: space.name, legality: space.legality, reason: reasonOf(space) })),
  );
  const items = list.map(
    ({ spaces: names, legality, reason }) =>
      `<li>${plain(names)} <b class="${legality}">${legality}</b>: ${plain(reason)}</li>`,
  );
  return `<ul class="reasons">${items.join('')}</ul>`;
}

function tensorsTable(metrics: Metrics | TransformerMetrics): string {
  const { tensors } = metrics;
  if (tensors.length === 0) return '<p>No tensor writes a reduced space.</p>';
  type Tensor = (typeof tensors)[number];
  const columns: Column<Tensor>[] = [
    { title: 'tensor', cell: ({ name }) => plain(name) },
    { title: 'sources', cell: ({ source_shapes }) => shapes(source_shapes) },
    { title: 'result', cell: ({ shape }) => shapes([shape]) },
    { title: '‖W − FEW‖ / ‖W‖', cell: ({ relative_error }) => figure(relative_error) },
    ...(metrics.kind === 'linear'
      ? [
          { title: 'least possible', cell: (tensor: Tensor) => figure(tensor.optimal_relative_error) },
          { title: 'ratio', cell: (tensor: Tensor) => figure(tensor.optimality_ratio) },
        ]
      : []),
    { title: 'mean |W − FEW|', cell: ({ mean_abs_error }) => figure(mean_abs_error) },
    { title: 'max', cell: ({ max_abs_error }) => figure(max_abs_error) },
  ];
  const more = tensors.length - MAX_ROWS;
  const note = more > 0 ? `<p class="quiet">${more} more in metrics.json.</p>` : '';
  return htmlTable(columns, tensors.slice(0, MAX_ROWS)) + note;
}

function probesTable({ probes }: TransformerMetrics): string {
  if (probes.length === 0) return '';
  type Probe = (typeof probes)[number];
  const columns: Column<Probe>[] = [
    { title: 'probe', cell: ({ name }) => plain(name) },
    { title: 'places', cell: ({ counted }) => count(counted) },
    { title: 'result', cell: ({ result_loss }) => figure(result_loss) },
    ...probes[0].source_losses.map((_, s) => ({
      title: `source ${s + 1}`,
      cell: ({ source_losses }: Probe) => figure(source_losses[s]),
    })),
    { title: 'mean of sources', cell: ({ mean_of_sources_loss }) => figure(mean_of_sources_loss) },
    { title: 'KL to that mean', cell: ({ kl_to_mean }) => figure(kl_to_mean) },
    { title: 'same first choice', cell: ({ top1_agreement: share }) => (share === null ? '–' : percent(share)) },
    { title: 'stream error, last norm', cell: ({ stream_error }) => figure(stream_error.at(-1) ?? null) },
  ];
  return `<h2>Losses and agreement on the probes</h2>\n${htmlTable(columns, probes)}
<p class="quiet">Losses in nats per place. The mean of the sources is the mean of their logits, which needs all of them at once.</p>`;
}

function inputsTable({ inputs, spec }: Recipe): string {
  const names = sourceNames(spec);
  return htmlTable(
    [
      { title: 'source', cell: ({ source }) => plain(names[source] ?? source + 1) },
      { title: 'file', text: true, cell: ({ file }) => plain(file) },
      { title: 'size', cell: ({ size }) => bytes(size) },
      { title: 'SHA-256', text: true, cell: ({ sha256 }) => `<code>${plain(sha256 ?? 'not known')}</code>` },
    ],
    inputs,
  );
}

function environmentTable({ timings, environment, peak_memory_bytes }: Metrics | TransformerMetrics): string {
  const rows: [string, string][] = [
    ...timeParts(timings).map(({ name, seconds }): [string, string] => [name, duration(seconds)]),
    ['in all', duration(timings.total_s)],
    ['peak memory', bytes(peak_memory_bytes)],
    ['backend', `${environment.backend}${environment.device ? `, ${environment.device}` : ''}`],
    ['library', environment.library],
    ['threads', String(environment.threads)],
    ['weightfold', environment.weightfold],
    ['Node', environment.node],
  ];
  return `<dl class="facts">${rows.map(([name, value]) => `<dt>${plain(name)}</dt><dd>${plain(value)}</dd>`).join('')}</dl>`;
}
