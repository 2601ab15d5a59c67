import { useState } from 'preact/hooks';
import { bytes, count, shape } from '../../src/format/numbers.js';
import { api, dataOf, RequestError, tagged } from '../api/client.js';
import type { Checkpoint } from '../api/types.js';
import { usePolled } from '../api/use-polled.js';
import { navigate } from '../hash-location.js';
import { Ago } from '../parts/ago.js';
import { Confirm } from '../parts/confirm.js';
import { FileLine } from '../parts/file-line.js';
import { NotFound } from '../parts/not-found.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { type Column, SortableTable } from '../parts/sortable-table.js';
import { TensorName } from '../parts/tensor-name.js';
import { useTitle } from '../parts/use-title.js';
import { Upload } from '../upload/upload.js';

/** One checkpoint: its files and tensors. */
export function CheckpointPage({ name }: { name: string }) {
  useTitle(name);
  const [asking, setAsking] = useState(false);
  const [refused, setRefused] = useState<Error>();
  const path = { params: { path: { name } } };
  const { data, error, refresh } = usePolled(
    `checkpoint ${name}`,
    (signal) => tagged(api.GET('/v1/checkpoints/{name}', { signal, ...path })),
    0,
  );
  if (error instanceof RequestError && error.status === 404)
    return <NotFound what={error.message} list="checkpoints" />;
  if (error instanceof RequestError && error.status === 400)
    return <NotFound what={`“${name}” is no name of a checkpoint.`} list="checkpoints" />;
  const remove = () => {
    setRefused(undefined);
    dataOf(api.DELETE('/v1/checkpoints/{name}', path)).then(() => navigate('/checkpoints'), setRefused);
  };
  return (
    <>
      <div class="head">
        <div>
          <h1>{name}</h1>
          {data && (
            <p class="quiet">
              {bytes(data.size)}, {count(data.tensors.length)} tensors, {count(parametersOf(data))} parameters, uploaded{' '}
              <Ago at={data.created_at} />
            </p>
          )}
        </div>
        <div class="actions">
          <a class="button" href={`#/new?source=${name}`}>
            Merge it
          </a>
          <button type="button" class="danger" onClick={() => setAsking(true)}>
            Delete
          </button>
        </div>
      </div>
      {refused && <ProblemNotice title="It could not be deleted." error={refused} />}
      {error && <ProblemNotice title="The checkpoint could not be loaded." error={error} />}
      {!data && !error && <div class="skeleton" role="status" aria-label="Loading the checkpoint" />}
      {data && data.missing_files.length > 0 && (
        <div class="notice warn">
          Its index names {count(data.missing_files.length)} files that are not uploaded yet:{' '}
          {data.missing_files.slice(0, 5).join(', ')}
          {data.missing_files.length > 5 && ' …'}
        </div>
      )}
      {data && (
        <div class="columns">
          <section class="card" aria-labelledby="tensors">
            <header>
              <h2 id="tensors">Tensors</h2>
              <span class="small quiet">family: {data.family ?? 'not known; no config.json says'}</span>
            </header>
            {data.tensors.length === 0 ? (
              <p class="body quiet">No safetensors file yet.</p>
            ) : (
              <SortableTable
                label="Tensors"
                columns={
                  new Set(data.tensors.map(({ file }) => file)).size > 1
                    ? TENSORS
                    : TENSORS.filter(({ key }) => key !== 'file')
                }
                rows={data.tensors}
                rowKey={(tensor) => tensor.name}
                text={(tensor) => tensor.name}
              />
            )}
          </section>
          <div>
            <Files files={data.files} />
            <Upload checkpoint={name} onStored={refresh} />
          </div>
        </div>
      )}
      {asking && (
        <Confirm
          title={`Delete ${name}?`}
          text="All its files are removed. Jobs that have ended keep their results."
          action="Delete the checkpoint"
          onConfirm={remove}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

type Tensor = Checkpoint['tensors'][number];

const sizeOf = ({ shape: extents }: Tensor) => extents.reduce((product, extent) => product * extent, 1);
const parametersOf = ({ tensors }: Checkpoint) => tensors.reduce((sum, tensor) => sum + sizeOf(tensor), 0);

const TENSORS: readonly Column<Tensor>[] = [
  { key: 'name', title: 'Name', by: ({ name }) => name, cell: ({ name }) => <TensorName name={name} /> },
  { key: 'dtype', title: 'Type', by: ({ dtype }) => dtype, cell: ({ dtype }) => dtype },
  { key: 'shape', title: 'Shape', number: true, by: sizeOf, cell: (tensor) => shape(tensor.shape) },
  { key: 'file', title: 'File', by: ({ file }) => file, cell: ({ file }) => file },
];

function Files({ files }: { files: Checkpoint['files'] }) {
  return (
    <section class="card" aria-labelledby="files">
      <header>
        <h2 id="files">Files</h2>
      </header>
      <ul class="files">
        {files.map(({ file, size, sha256 }) => (
          <FileLine key={file} size={size} sha256={sha256}>
            <span>{file}</span>
          </FileLine>
        ))}
      </ul>
    </section>
  );
}
