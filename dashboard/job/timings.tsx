import { bytes } from '../../src/format/numbers.js';
import { duration } from '../../src/format/times.js';
import { timeParts } from '../../src/report/time-parts.js';
import type { Metrics } from '../api/types.js';
import { Fact } from './facts.js';

/** Where the time went, and what computed. */
export function Timings({ metrics }: { metrics: Metrics }) {
  const { timings, environment, peak_memory_bytes: peak } = metrics;
  const parts = timeParts(timings);
  const longest = Math.max(...parts.map(({ seconds }) => seconds));
  return (
    <section class="card" aria-labelledby="timings">
      <header>
        <h2 id="timings">Time and machine</h2>
        <span class="quiet small">{duration(timings.total_s)} in all</span>
      </header>
      <div class="body timings">
        <table>
          <caption class="visually-hidden">Seconds per part of the work</caption>
          <tbody>
            {parts.map(({ name, seconds, idle }) => (
              <tr key={name}>
                <th scope="row" class="nowrap">
                  {name}
                </th>
                <td class="bar-cell">
                  <span
                    class={idle ? 'time-bar idle' : 'time-bar'}
                    style={{ width: `${(seconds / longest) * 100}%` }}
                  />
                </td>
                <td class="number">{duration(seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <dl class="pairs">
          <Fact name="Backend">{environment.backend}</Fact>
          <Fact name="Library">{environment.library}</Fact>
          {environment.device && <Fact name="Device">{environment.device}</Fact>}
          <Fact name="Threads">{environment.threads}</Fact>
          <Fact name="Why this">{environment.reason}</Fact>
          <Fact name="Peak memory">{bytes(peak)}</Fact>
          <Fact name="Versions">
            weightfold {environment.weightfold}, Node {environment.node}
          </Fact>
        </dl>
      </div>
    </section>
  );
}
