import { bytes, count, flops, shape } from '../../src/format/numbers.js';
import { duration } from '../../src/format/times.js';
import type { ComparisonPlan, LinearPlan, Plan, TransformerPlan } from '../api/types.js';
import { Fact } from '../job/facts.js';
import { Legality } from '../job/legality.js';
import { type Column, SortableTable } from '../parts/sortable-table.js';
import { TensorName } from '../parts/tensor-name.js';
import { Reasons } from './reasons.js';

/** What would be done: cost, spaces, shapes. */
export function PlanView({ plan }: { plan: Plan }) {
  return (
    <>
      {plan.warnings?.map((warning) => (
        <p key={warning} class="notice warn">
          {warning}
        </p>
      ))}
      <Costs costs={plan.costs} />
      {plan.kind === 'comparison' ? <Points plan={plan} /> : <Shapes plan={plan} />}
    </>
  );
}

function Costs({ costs }: { costs: Plan['costs'] }) {
  return (
    <>
      <dl class="body facts">
        <Fact name="Estimated time">{duration(costs.estimated_seconds)}</Fact>
        <Fact name="Peak memory">{bytes(costs.peak_memory_bytes)}</Fact>
        <Fact name="Work">{flops(costs.flops)}</Fact>
        <Fact name="Read">{bytes(costs.bytes_read)}</Fact>
        <Fact name="Written">{bytes(costs.bytes_written)}</Fact>
      </dl>
      {costs.estimated_for && <p class="body small quiet estimated">Time estimated for {costs.estimated_for}.</p>}
    </>
  );
}

type Space = LinearPlan['spaces'][number] | TransformerPlan['spaces'][number];

const SPACES: readonly Column<Space>[] = [
  { key: 'name', title: 'Space', by: ({ name }) => name, cell: ({ name }) => <strong>{name}</strong> },
  {
    key: 'sources',
    title: 'Sources',
    number: true,
    cell: (space) => space.source_widths.map(count).join(space.kind === 'shared' ? ' | ' : ' + '),
  },
  { key: 'width', title: 'Width', number: true, cell: widthOf },
  {
    key: 'legality',
    title: 'Legality',
    by: ({ legality }) => legality,
    cell: ({ legality, reason }) => <Legality value={legality} reason={reason} />,
  },
];

function widthOf(space: Space): string {
  if (space.width !== null) return count(space.width);
  const range = 'width_range' in space ? (space.width_range as [number, number] | null) : null;
  return range ? `${count(range[0])}–${count(range[1])}` : 'open';
}

interface Tensor {
  name: string;
  dtype: string;
  shape: (number | null)[];
}

const TENSORS: readonly Column<Tensor>[] = [
  { key: 'name', title: 'Tensor', by: ({ name }) => name, cell: ({ name }) => <TensorName name={name} /> },
  { key: 'dtype', title: 'Type', by: ({ dtype }) => dtype, cell: ({ dtype }) => dtype },
  { key: 'shape', title: 'Shape', number: true, cell: ({ shape: extents }) => shape(extents) },
];

function Shapes({ plan }: { plan: LinearPlan | TransformerPlan }) {
  return (
    <>
      <SortableTable<Space>
        label="Spaces of the result"
        columns={SPACES}
        rows={plan.spaces}
        rowKey={({ name }) => name}
        text={({ name }) => name}
      />
      <Reasons spaces={plan.spaces} />
      <SortableTable<Tensor>
        label="Tensors of the result"
        columns={TENSORS}
        rows={plan.tensors}
        rowKey={({ name }) => name}
        text={({ name }) => name}
      />
      {plan.kind === 'transformer' &&
        plan.left_out?.map(({ source, tensors, reason }) => (
          <p key={`${source} ${reason}`} class="body small quiet">
            Not in the result{source && `, from ${source}`}: {tensors.join(', ')}. Reason: {reason}.
          </p>
        ))}
    </>
  );
}

type Point = ComparisonPlan['points'][number];

function Points({ plan }: { plan: ComparisonPlan }) {
  const columns: Column<Point>[] = [
    {
      key: 'method',
      title: 'Method',
      by: ({ method }) => plan.methods[method].name,
      cell: ({ method }) => plan.methods[method].name,
    },
    {
      key: 'widths',
      title: 'Widths',
      cell: ({ widths }) =>
        Object.entries(widths)
          .map(([space, width]) => `${space} ${count(width)}`)
          .join(', '),
    },
    {
      key: 'parameters',
      title: 'Parameters',
      number: true,
      by: ({ parameters }) => parameters,
      cell: ({ parameters }) => count(parameters),
    },
  ];
  return (
    <SortableTable label="Merges that are compared" columns={columns} rows={plan.points} rowKey={({ step }) => step} />
  );
}
