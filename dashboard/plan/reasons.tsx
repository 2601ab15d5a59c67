import { reasonsOf } from '../../src/report/reasons-of.js';
import { Legality } from '../job/legality.js';

type Reasoned = Parameters<typeof Legality>[0]['value'];

/** Why spaces are what they are, below their table: each reason once. */
export function Reasons({ spaces }: { spaces: readonly { name: string; legality: Reasoned; reason: string }[] }) {
  return (
    <ul class="reasons small" aria-label="Why the spaces are what they are">
      {reasonsOf(spaces).map(({ spaces: names, legality, reason }) => (
        <li key={legality + reason}>
          <strong>{names}</strong> <Legality value={legality} /> <span class="quiet">{reason}</span>
        </li>
      ))}
    </ul>
  );
}
