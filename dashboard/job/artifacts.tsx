import { useState } from 'preact/hooks';
import { bytes } from '../../src/format/numbers.js';
import { urlOf } from '../api/base-url.js';
import { api, tagged } from '../api/client.js';
import { download } from '../api/download.js';
import { session } from '../api/session.js';
import { usePolled } from '../api/use-polled.js';
import { FileLine } from '../parts/file-line.js';
import { ProblemNotice } from '../parts/problem-notice.js';

/** The files of a result: size, SHA-256, download. */
export function Artifacts({ id }: { id: string }) {
  const { data, error } = usePolled(
    `artifacts ${id}`,
    (signal) => tagged(api.GET('/v1/jobs/{id}/artifacts', { signal, params: { path: { id } } })),
    0,
  );
  const [refused, setRefused] = useState<Error>();
  if (error) return <ProblemNotice title="The files could not be listed." error={error} />;
  const save = (event: Event, path: string, file: string) => {
    if (!session.get().key) return; // the browser does it by itself
    event.preventDefault();
    setRefused(undefined);
    download(path, file).catch(setRefused);
  };
  return (
    <section class="card" aria-labelledby="files">
      <header>
        <h2 id="files">Files</h2>
        {data && <span class="quiet small">{bytes(data.data.reduce((sum, { size }) => sum + size, 0))}</span>}
      </header>
      {refused && <ProblemNotice title="The download failed." error={refused} />}
      <ul class="files">
        {data?.data.map(({ file, size, sha256, url }) => (
          <FileLine key={file} size={size} sha256={sha256}>
            <a href={urlOf(url)} download={file} onClick={(event) => save(event, url, file)}>
              {file}
            </a>
          </FileLine>
        ))}
      </ul>
    </section>
  );
}
