import { count, figure, percent } from '../../src/format/numbers.js';
import { howItWasMade } from '../../src/report/merge-kind.js';
import type { TransformerMetrics } from '../api/types.js';
import { type Column, SortableTable } from '../parts/sortable-table.js';
import { Reasons } from '../plan/reasons.js';
import { SpectrumPlots } from '../plots/spectrum-plot.js';
import { KeyFigures } from './key-figures.js';
import { Legality } from './legality.js';
import { TensorErrors } from './tensor-errors.js';

type Space = TransformerMetrics['spaces'][number];
type Probe = TransformerMetrics['probes'][number];

const loss = (value: number | null) => (value === null ? '–' : value.toFixed(3));

/** Losses of a whole model and its sources, and what became of its spaces. */
export function TransformerResult({ metrics }: { metrics: TransformerMetrics }) {
  const { end_to_end: whole, probes, merge, spaces, tensors, fit } = metrics;
  const residual = spaces.find(({ legality, retained_energy: energy }) => energy !== null && legality !== 'selection');
  const measured = whole.result_loss !== null;
  return (
    <>
      {fit === 'closed_form' && <p class="notice">{howItWasMade(metrics)}</p>}
      {measured && (
        <KeyFigures
          title="Losses"
          figures={[
            { name: 'Result', value: loss(whole.result_loss), note: 'mean over the probes, nats' },
            ...whole.source_losses.map((value, n) => ({
              name: `Source ${n + 1} alone`,
              value: loss(value),
              note: 'the same tokens',
            })),
            {
              name: 'Mean of the sources',
              value: loss(whole.mean_of_sources_loss),
              note: 'of their logits; needs all of them',
            },
          ]}
        />
      )}
      {probes.length > 0 && <Probes probes={probes} />}
      <section class="card" aria-labelledby="spaces">
        <header>
          <h2 id="spaces">Spaces</h2>
          <span class="quiet small">
            {[`fit: ${fit.replace('_', ' ')}`, ...(metrics.basis ? [`basis: ${metrics.basis}`] : [])].join(', ')}
          </span>
        </header>
        {residual && merge.spectrum.length > 1 && (
          <SpectrumPlots
            space={residual.name}
            spectrum={merge.spectrum.map((value) => Math.sqrt(Math.max(value, 0)))}
            width={residual.width}
          />
        )}
        <SortableTable
          label="Spaces"
          columns={SPACES}
          rows={spaces}
          rowKey={({ name }) => name}
          text={({ name }) => name}
        />
        <Reasons spaces={spaces} />
      </section>
      {tensors.length > 0 && <TensorErrors id={metrics.job_id} tensors={tensors} />}
    </>
  );
}

const SPACES: readonly Column<Space>[] = [
  { key: 'name', title: 'Space', by: ({ name }) => name, cell: ({ name }) => <strong>{name}</strong> },
  {
    key: 'source',
    title: 'Sources',
    number: true,
    by: (space) => space.source_width,
    cell: (space) => count(space.source_width),
  },
  { key: 'width', title: 'Width', number: true, by: ({ width }) => width, cell: ({ width }) => count(width) },
  {
    key: 'energy',
    title: 'Retained energy',
    number: true,
    by: (space) => space.retained_energy,
    cell: ({ retained_energy: energy }) => (energy === null ? '–' : percent(energy)),
  },
  {
    key: 'by',
    title: 'By source',
    number: true,
    cell: ({ directions_by_source: by }) =>
      by?.map((share) => count(Math.round(share * 10) / 10)).join(' + ') ?? 'shared',
  },
  {
    key: 'legality',
    title: 'Legality',
    by: ({ legality }) => legality,
    cell: ({ legality, reason }) => <Legality value={legality} reason={reason} />,
  },
];

function Probes({ probes }: { probes: readonly Probe[] }) {
  const sources = probes[0].source_losses.map((_, n) => n);
  const columns: Column<Probe>[] = [
    { key: 'name', title: 'Probe', by: ({ name }) => name, cell: ({ name }) => <strong>{name}</strong> },
    {
      key: 'tokens',
      title: 'Tokens',
      number: true,
      by: ({ counted }) => counted,
      cell: ({ counted }) => count(counted),
    },
    ...sources.map((n) => ({
      key: `source ${n}`,
      title: `Source ${n + 1}`,
      number: true,
      by: (probe: Probe) => probe.source_losses[n],
      cell: (probe: Probe) => loss(probe.source_losses[n]),
    })),
    {
      key: 'mean',
      title: 'Mean of sources',
      number: true,
      by: (probe) => probe.mean_of_sources_loss,
      cell: (probe) => loss(probe.mean_of_sources_loss),
    },
    {
      key: 'result',
      title: 'Result',
      number: true,
      by: (probe) => probe.result_loss,
      cell: (probe) => <strong>{loss(probe.result_loss)}</strong>,
    },
    {
      key: 'kl',
      title: 'KL to mean',
      hint: 'Mean KL(mean of the sources ‖ result), nats',
      number: true,
      by: (probe) => probe.kl_to_mean,
      cell: (probe) => figure(probe.kl_to_mean),
    },
    {
      key: 'top1',
      title: 'Top-1 agreement',
      number: true,
      by: (probe) => probe.top1_agreement,
      cell: ({ top1_agreement: share }) => (share === null ? '–' : percent(share)),
    },
    {
      key: 'stream',
      title: 'Stream error',
      hint: 'Of the normalised stream at the first and at the last norm',
      number: true,
      cell: ({ stream_error: errors }) =>
        errors.length === 0 ? '–' : `${figure(errors[0])} … ${figure(errors.at(-1))}`,
    },
  ];
  return (
    <section class="card" aria-labelledby="probes">
      <header>
        <h2 id="probes">Losses per probe</h2>
        <span class="quiet small">nats per token</span>
      </header>
      <SortableTable label="Losses per probe" columns={columns} rows={probes} rowKey={({ name }) => name} />
    </section>
  );
}
