import { bytes, count } from '../../src/format/numbers.js';
import { api, tagged } from '../api/client.js';
import { usePolled } from '../api/use-polled.js';
import { Ago } from '../parts/ago.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { useTitle } from '../parts/use-title.js';
import { Upload } from '../upload/upload.js';

const POLL_MS = 5_000;
/** The most one request gives; further ones are found by their address. */
const LIMIT = 1_000;

/** Uploaded models, and the way to upload more. */
export function CheckpointsPage() {
  useTitle('Checkpoints');
  const { data, error, refresh } = usePolled(
    'checkpoints',
    (signal) => tagged(api.GET('/v1/checkpoints', { signal, params: { query: { limit: LIMIT } } })),
    POLL_MS,
  );
  return (
    <>
      <div class="head">
        <h1>Checkpoints</h1>
      </div>
      <Upload onStored={refresh} />
      {error && <ProblemNotice title="The list could not be loaded." error={error} again />}
      {!data && !error && <div class="skeleton" role="status" aria-label="Loading checkpoints" />}
      {data?.data.length === 0 && (
        <div class="card empty">
          <h2>No checkpoints yet</h2>
          <p class="quiet">
            Upload safetensors files above. A chain or an embedding needs one file per model; a whole transformer its
            config.json too, and its tokenizer files if the result shall have them.
          </p>
        </div>
      )}
      {data && data.data.length > 0 && (
        <div class="card scroll">
          <table aria-label="Checkpoints">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" class="number">
                  Files
                </th>
                <th scope="col" class="number">
                  Size
                </th>
                <th scope="col" class="number">
                  Uploaded
                </th>
              </tr>
            </thead>
            <tbody>
              {data.data.map((checkpoint) => (
                <tr key={checkpoint.name}>
                  <td>
                    <a href={`#/checkpoints/${checkpoint.name}`}>{checkpoint.name}</a>
                  </td>
                  <td class="number">{count(checkpoint.file_count)}</td>
                  <td class="number">{bytes(checkpoint.size)}</td>
                  <td class="number">
                    <Ago at={checkpoint.created_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
