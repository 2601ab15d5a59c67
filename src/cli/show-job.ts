import type { Artifact, Job, Metrics, TransformerMetrics } from '../client/index.js';
import { kindInWords } from '../report/merge-kind.js';
import { inOneLine } from '../schemas/printable.js';
import { age, bytes, columns, type Fact, facts, figure } from './format.js';

export function showJob(job: Job): string {
  const { progress } = job;
  return facts([
    ['id', job.id],
    ['name', job.name],
    ['status', job.status + (job.cancel_requested && job.status === 'running' ? ', cancel requested' : '')],
    [
      'labels',
      Object.entries(job.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ],
    [
      'progress',
      `${Math.floor(progress.fraction * 100)} %, ${progress.phase}, ${progress.completed}/${progress.total} steps`,
    ],
    ['created', `${job.created_at} (${age(job.created_at)} ago)`],
    ['started', job.started_at],
    ['finished', job.finished_at],
    ['attempt', job.attempt > 0 ? `${job.attempt}` : undefined],
    ['worker', job.worker],
    ['waits for', job.waiting_for],
    ['retry of', job.retry_of],
    ['error', job.error ? `${job.error.code}: ${job.error.message}` : undefined],
  ]);
}

export const showArtifacts = (artifacts: readonly Artifact[]) =>
  columns(
    ['FILE', 'SIZE', 'SHA-256'],
    artifacts.map(({ file, size, sha256 }) => [file, bytes(size), sha256]),
  );

const losses = ({ result_loss, source_losses, mean_of_sources_loss }: TransformerMetrics['end_to_end']): Fact[] =>
  result_loss === null
    ? [['losses', 'not measured: the spec has no probe with tokens']]
    : [
        ['loss of the result', figure(result_loss)],
        ['losses of the sources', source_losses.map(figure).join(', ')],
        ['loss of their mean', figure(mean_of_sources_loss)],
      ];

/** The figures of a job that people ask for first; the rest is in --json. */
export function showMetrics(metrics: Metrics): string {
  const took = `${figure(metrics.timings.total_s)} s on ${inOneLine(metrics.environment.library)}`;
  if (metrics.kind === 'comparison')
    return `${columns(
      ['METHOD', 'WIDTHS', metrics.measure.toUpperCase(), 'LOWER_BOUND', 'PARAMETERS'],
      metrics.rows.map((row) => [
        row.name,
        Object.values(row.widths ?? {}).join(', ') || '–',
        figure(row[metrics.measure]),
        figure(row.lower_bound),
        row.parameters.toLocaleString('en'),
      ]),
    )}\n\n${took}`;
  const tensors = columns(
    ['TENSOR', 'SHAPE', 'RELATIVE_ERROR', 'LEAST_POSSIBLE'],
    metrics.tensors.map((tensor) => [
      tensor.name,
      tensor.shape.join('×'),
      figure(tensor.relative_error),
      figure(tensor.optimal_relative_error),
    ]),
  );
  const whole =
    metrics.kind === 'linear'
      ? facts([
          ['outputs, relative error', figure(metrics.end_to_end.relative_error)],
          ['outputs, cosine', figure(metrics.end_to_end.cosine)],
          ['whole map, relative error', figure(metrics.end_to_end.map_relative_error)],
        ])
      : facts([['fit', kindInWords(metrics)], ...losses(metrics.end_to_end)]);
  return `${whole}\n\n${tensors}\n\n${took}`;
}
