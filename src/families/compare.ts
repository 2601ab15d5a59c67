import { SpecError } from '../errors.js';
import type { Architecture } from './architecture.js';
import { windowSizes } from './attention-window.js';

/** What sources must agree in, in words. */
const AGREE: [string, (a: Architecture) => unknown][] = [
  ['family', (a) => a.family],
  ['depth (layers)', (a) => a.layers],
  ['head_dim', (a) => a.headDim],
  ['query heads per key-value head', (a) => a.heads / a.kvHeads],
  ['vocabulary', (a) => a.vocabulary],
  ['head of the model', (a) => a.head],
  ['activation', (a) => a.activation],
  ['positions', (a) => a.positions],
  ['rotary frequencies', (a) => a.rotary],
  ['token types', (a) => a.types],
  ['pad token', (a) => (a.positionsSkipPadding ? a.padId : null)],
  ['direction of attention (causal)', (a) => a.causal],
  ['sliding window by layer', windowSizes],
];

/** @throws SpecError `sources_differ` naming everything that differs, with both values */
export function checkAgreement(sources: readonly { label: string; architecture: Architecture }[]): void {
  const [first, ...others] = sources;
  for (const [index, other] of others.entries()) {
    const differences = AGREE.flatMap(([what, of]) => {
      const [a, b] = [JSON.stringify(of(first.architecture)), JSON.stringify(of(other.architecture))];
      return a === b ? [] : [`${what} (${a} and ${b})`];
    });
    if (differences.length > 0)
      throw new SpecError(
        'sources_differ',
        `Sources "${first.label}" and "${other.label}" differ in ${differences.join(', ')}. Only widths may differ.`,
        `/sources/${index + 1}`,
      );
  }
}

/** Epsilons of norms may differ, as they hardly show; the result has one of them, and whoever merges should know which. */
export function epsilonWarnings(sources: readonly { label: string; architecture: Architecture }[]): string[] {
  const [first, ...others] = sources.map(({ label, architecture }) => ({ label, epsilon: architecture.epsilon }));
  return others
    .filter(({ epsilon }) => epsilon !== first.epsilon)
    .map(
      ({ label, epsilon }) =>
        `The norms of source "${label}" have epsilon ${epsilon}; the result has that of "${first.label}", ${first.epsilon}.`,
    );
}
