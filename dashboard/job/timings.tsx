import type { Metrics } from '../api/types.js';
import { bytes } from '../format/numbers.js';
import { duration } from '../format/times.js';
import { Fact } from './facts.js';

const PARTS = [
  ['read_s', 'Read'],
  ['basis_s', 'Bases'],
  ['fold_s', 'Fold'],
  ['evaluate_s', 'Evaluate'],
  ['write_s', 'Write'],
] as const;

/** Where the time went, and what computed. */
export function Timings({ metrics }: { metrics: Metrics }) {
  const { timings, environment, peak_memory_bytes: peak } = metrics;
  // A comparison has no time of its own for bases, for one: only what took some is drawn.
  const parts = PARTS.filter(([part]) => timings[part] > 0);
  const longest = Math.max(...parts.map(([part]) => timings[part]));
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
            {parts.map(([part, title]) => (
              <tr key={part}>
                <th scope="row">{title}</th>
                <td class="bar-cell">
                  <span class="time-bar" style={{ width: `${(timings[part] / longest) * 100}%` }} />
                </td>
                <td class="number">{duration(timings[part])}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <dl class="pairs">
          <Fact name="Backend">{environment.backend}</Fact>
          <Fact name="Library">{environment.library}</Fact>
          {environment.device && <Fact name="Device">{environment.device}</Fact>}
          <Fact name="Threads">{environment.threads}</Fact>
          <Fact name="Chosen">{environment.reason}</Fact>
          <Fact name="Peak memory">{bytes(peak)}</Fact>
          <Fact name="Versions">
            weightfold {environment.weightfold}, Node {environment.node}
          </Fact>
        </dl>
      </div>
    </section>
  );
}
