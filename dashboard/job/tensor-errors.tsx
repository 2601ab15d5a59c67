import { useState } from 'preact/hooks';
import { figure, shape } from '../../src/format/numbers.js';
import { urlOf } from '../api/base-url.js';
import { download } from '../api/download.js';
import { session } from '../api/session.js';
import type { LinearMetrics, TransformerMetrics } from '../api/types.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { type Column, SortableTable } from '../parts/sortable-table.js';
import { TensorName } from '../parts/tensor-name.js';

type TensorErrorRow = LinearMetrics['tensors'][number] | TransformerMetrics['tensors'][number];

/** Null for a whole transformer's tensors: one basis serves all writers of a space. */
const boundOf = (row: TensorErrorRow): number | null =>
  'optimal_relative_error' in row ? row.optimal_relative_error : null;

const COLUMNS: readonly Column<TensorErrorRow>[] = [
  { key: 'name', title: 'Tensor', by: ({ name }) => name, cell: ({ name }) => <TensorName name={name} /> },
  {
    key: 'shape',
    title: 'Shape',
    number: true,
    by: ({ shape: of }) => of.reduce((a, b) => a * b, 1),
    cell: ({ shape: of }) => shape(of),
  },
  {
    key: 'relative',
    title: 'Relative error',
    hint: '‖W − F·E·W‖ / ‖W‖',
    number: true,
    by: (row) => row.relative_error,
    cell: (row) => figure(row.relative_error),
  },
  {
    key: 'optimal',
    title: 'Bound',
    hint: 'The least relative error at this width (Eckart–Young)',
    number: true,
    by: boundOf,
    cell: (row) => figure(boundOf(row)),
  },
  {
    key: 'mean',
    title: 'Mean |error|',
    number: true,
    by: (row) => row.mean_abs_error,
    cell: (row) => figure(row.mean_abs_error),
  },
  {
    key: 'by',
    title: 'By source',
    hint: 'Mean |error| of each source’s part',
    number: true,
    cell: (row) => row.mean_abs_error_by_source.map(figure).join(', '),
  },
  {
    key: 'max',
    title: 'Largest',
    number: true,
    by: (row) => row.max_abs_error,
    cell: (row) => figure(row.max_abs_error),
  },
];

/** Error of each tensor that writes a reduced space. */
export function TensorErrors({ id, tensors }: { id: string; tensors: readonly TensorErrorRow[] }) {
  const [refused, setRefused] = useState<Error>();
  const path = `/v1/jobs/${id}/metrics?format=csv`;
  const file = `${id}.csv`;
  const bounded = tensors.some((row) => boundOf(row) !== null);
  const save = (event: Event) => {
    if (!session.get().key) return;
    event.preventDefault();
    download(path, file).catch(setRefused);
  };
  return (
    <section class="card" aria-labelledby="tensors">
      <header>
        <h2 id="tensors">Errors per tensor</h2>
        <a href={urlOf(path)} download={file} onClick={save} class="small">
          CSV
        </a>
      </header>
      {refused && <ProblemNotice title="The table could not be saved." error={refused} />}
      <SortableTable
        label="Errors per tensor"
        columns={bounded ? COLUMNS : COLUMNS.filter(({ key }) => key !== 'optimal')}
        rows={tensors}
        rowKey={({ name }) => name}
        text={({ name }) => name}
      />
    </section>
  );
}
