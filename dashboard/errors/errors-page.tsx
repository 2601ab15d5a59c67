import { useEffect } from 'preact/hooks';
import { useTitle } from '../parts/use-title.js';
import { MEANINGS } from './meanings.js';

/** Every code and what to do about it; `code` is scrolled to and marked. */
export function ErrorsPage({ code }: { code?: string }) {
  useTitle('Error codes');
  useEffect(() => {
    if (code) document.getElementById(code)?.scrollIntoView({ block: 'center' });
  }, [code]);
  return (
    <>
      <div class="head">
        <h1>Error codes</h1>
      </div>
      <div class="card">
        <table class="codes">
          <thead>
            <tr>
              <th scope="col">Code</th>
              <th scope="col">Status</th>
              <th scope="col">Meaning, and what to do</th>
            </tr>
          </thead>
          <tbody>
            {MEANINGS.map(({ codes, status, meaning }) => (
              <tr key={codes[0]} class={code && codes.includes(code) ? 'marked' : ''}>
                <td>
                  {codes.map((each) => (
                    <div key={each} id={each}>
                      <code>{each}</code>
                    </div>
                  ))}
                </td>
                <td>{status}</td>
                <td>{meaning}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
