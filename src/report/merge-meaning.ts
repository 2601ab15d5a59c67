import { figure } from '../format/numbers.js';
import type { Metrics, TransformerMetrics } from '../schemas/metrics.js';
import { howItWasMade, mergeKind } from './merge-kind.js';

const MEANINGS = {
  exact:
    '<b class="exact">exact</b>: rewriting this space adds no error of its own; what is lost is what the directions left out carry. It does not mean that the result equals its sources.',
  selection:
    '<b class="selection">selection</b>: whole units or heads are chosen, because a nonlinearity or the head structure allows no mixing. What the dropped ones did is lost, or at best approximated by those that were kept.',
  approximate:
    '<b class="approximate">approximate</b>: a nonlinearity or a norm reads this space, so E and F do not pass through it exactly, at any width. The weights’ errors do not bound the error of the outputs: look at the measured losses.',
} as const;

/** What may be claimed of the result, in a sentence or two of HTML; never more than was measured. */
export function statementOf(metrics: Metrics | TransformerMetrics): string {
  if (metrics.kind === 'linear') {
    const { map_relative_error: map, relative_error: outputs } = metrics.end_to_end;
    const whole = map === null ? '' : ` The whole map is off by ${figure(map)} of its norm, whatever the inputs.`;
    return `<b>A linear merge.</b> Every space is rewritten without a nonlinearity in between; what is lost is what the widths leave out.${whole} On the probe inputs the outputs are off by ${figure(outputs)}.`;
  }
  const { result_loss: loss, source_losses: sources } = metrics.end_to_end;
  const kind = mergeKind(metrics);
  if (kind === 'growth') return `<b>The same function, wider.</b> ${howItWasMade(metrics)}`;
  if (kind === 'closed_form')
    return `<b>An initialisation only.</b> ${howItWasMade(metrics)} Do not expect it to do what its sources do before it is trained.`;
  const known = sources.filter((value): value is number => value !== null);
  const compared =
    loss === null || known.length === 0
      ? 'No loss was measured, so nothing is known of how well it does.'
      : loss < Math.min(...known)
        ? `On the probes its mean loss, ${figure(loss)}, is below that of each source (${known.map(figure).join(', ')}).`
        : `On the probes its mean loss, ${figure(loss)}, is not below that of the best source (${figure(Math.min(...known))}).`;
  return `<b>A calibrated merge: approximate.</b> ${howItWasMade(metrics)} ${compared} Other text may fare otherwise.`;
}

/** The words of the table of spaces, those that occur in it. */
export function meaningsOf({ spaces }: Metrics | TransformerMetrics): string {
  const present = (Object.keys(MEANINGS) as (keyof typeof MEANINGS)[]).filter((word) =>
    spaces.some(({ legality }) => legality === word),
  );
  return present.map((word) => `<p class="quiet">${MEANINGS[word]}</p>`).join('\n');
}
