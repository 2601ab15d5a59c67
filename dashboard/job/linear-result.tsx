import { useState } from 'preact/hooks';
import { count, figure, percent } from '../../src/format/numbers.js';
import type { LinearMetrics, SpaceMetrics } from '../api/types.js';
import { type Column, SortableTable } from '../parts/sortable-table.js';
import { SpectrumPlots } from '../plots/spectrum-plot.js';
import { KeyFigures } from './key-figures.js';
import { Legality } from './legality.js';
import { TensorErrors } from './tensor-errors.js';

const BASES: Record<SpaceMetrics['basis'], string> = {
  weight: 'weight PCA',
  balanced: 'balanced',
  activation: 'activation PCA',
  growth: 'growth',
  stored: 'of an earlier job',
};

/** Errors of a chain or an embedding: the whole network's, its spaces', its tensors'. */
export function LinearResult({ metrics }: { metrics: LinearMetrics }) {
  const { end_to_end: whole, spaces, tensors } = metrics;
  return (
    <>
      <KeyFigures
        title="End to end"
        figures={[
          { name: 'Error of the map', value: figure(whole.map_relative_error), note: '‖M′ − M‖ / ‖M‖' },
          { name: 'Error of the outputs', value: figure(whole.relative_error), note: '‖y − y′‖ / ‖y‖ on the probe' },
          {
            name: 'Mean deviation',
            value: figure(whole.mean_abs_error),
            note: `mean |y − y′|; mean |y| is ${figure(whole.mean_abs_output)}`,
          },
          {
            name: 'Cosine',
            value: whole.cosine === null ? '–' : whole.cosine.toFixed(6),
            note: 'of outputs and targets',
          },
        ]}
      />
      {spaces.length > 0 && <Spaces spaces={spaces} />}
      {tensors.length > 0 && <TensorErrors id={metrics.job_id} tensors={tensors} />}
    </>
  );
}

const COLUMNS: readonly Column<SpaceMetrics>[] = [
  { key: 'name', title: 'Space', cell: ({ name }) => <strong>{name}</strong> },
  {
    key: 'width',
    title: 'Width',
    number: true,
    cell: ({ width, source_width: of }) => `${count(width)} of ${count(of)}`,
  },
  { key: 'energy', title: 'Retained energy', number: true, cell: ({ retained_energy: energy }) => percent(energy) },
  {
    key: 'tail',
    title: 'Least error',
    hint: 'sqrt of the dropped share of Σ σ²',
    number: true,
    cell: (space) => figure(space.tail_relative_error),
  },
  {
    key: 'by',
    title: 'By source',
    number: true,
    cell: ({ directions_by_source: by }) => by?.map(count).join(' + ') ?? 'mixed',
  },
  {
    key: 'padding',
    title: 'Padding',
    hint: 'Units without content',
    number: true,
    cell: (space) => count(space.padding_columns),
  },
  {
    key: 'basis',
    title: 'Basis',
    cell: ({ basis, factorization }) => (
      <span class="nowrap" title={`factorization ${factorization}`}>
        {BASES[basis]}
      </span>
    ),
  },
  { key: 'legality', title: 'Legality', cell: ({ legality }) => <Legality value={legality} /> },
];

function Spaces({ spaces }: { spaces: readonly SpaceMetrics[] }) {
  const drawn = spaces.filter(({ spectrum }) => spectrum.length > 1);
  const [chosen, setChosen] = useState(drawn[0]?.name);
  const space = drawn.find(({ name }) => name === chosen);
  return (
    <section class="card" aria-labelledby="spaces">
      <header>
        <h2 id="spaces">Spaces</h2>
        {drawn.length > 1 && (
          <fieldset class="tabs" aria-label="Space drawn">
            {drawn.map(({ name }) => (
              <button key={name} type="button" aria-pressed={name === chosen} onClick={() => setChosen(name)}>
                {name}
              </button>
            ))}
          </fieldset>
        )}
      </header>
      {space && <SpectrumPlots key={space.name} space={space.name} spectrum={space.spectrum} width={space.width} />}
      <SortableTable label="Spaces" columns={COLUMNS} rows={spaces} rowKey={({ name }) => name} />
    </section>
  );
}
