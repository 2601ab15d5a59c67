import fc from 'fast-check';
import type { FloatDtype } from '../../src/safetensors/dtype.js';
import { type NamedTensor, randomValues } from '../support/checkpoint.js';
import type { SpecWithoutSources } from './harness.js';

/** A random chain to merge: everything the spec can vary, at sizes a plain loop can follow. */
export interface Case {
  sources: NamedTensor[][];
  spec: SpecWithoutSources;
}

export interface CaseOptions {
  minSources?: number;
  maxLayers?: number;
  dtype?: FloatDtype;
  /** Hidden widths at the sum of the sources': nothing is lost. */
  full?: boolean;
  /** Which layers may have a bias: any, all of them, none. */
  biases?: 'any' | 'all' | 'none';
  deficient?: boolean;
  mode?: 'diag' | 'separate';
  solver?: 'exact' | 'randomized';
  basis?: 'weight' | 'balanced';
}

const width = fc.integer({ min: 1, max: 7 });

export const caseArbitrary = (options: CaseOptions = {}): fc.Arbitrary<Case> =>
  fc
    .record({
      count: fc.integer({ min: options.minSources ?? 1, max: 3 }),
      depth: fc.integer({ min: 1, max: options.maxLayers ?? 4 }),
      widths: fc.array(fc.array(width, { minLength: 5, maxLength: 5 }), { minLength: 3, maxLength: 3 }),
      targets: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
      biased: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      inputs: fc.constantFrom('concatenated' as const, 'shared' as const),
      outputs: fc.constantFrom('concatenated' as const, 'shared' as const),
      mode: fc.constantFrom('diag' as const, 'separate' as const),
      padding: fc.constantFrom('orthonormal' as const, 'zero' as const),
      factorization: fc.constantFrom('auto' as const, 'weight' as const, 'covariance' as const),
      deficient: fc.boolean(),
      seed: fc.nat(100000),
    })
    .map((r) => build({ ...r, mode: options.mode ?? r.mode, deficient: options.deficient ?? r.deficient }, options));

interface Raw {
  count: number;
  depth: number;
  widths: number[][];
  targets: number[];
  biased: boolean[];
  inputs: 'concatenated' | 'shared';
  outputs: 'concatenated' | 'shared';
  mode: 'diag' | 'separate';
  padding: 'orthonormal' | 'zero';
  factorization: 'auto' | 'weight' | 'covariance';
  deficient: boolean;
  seed: number;
}

function build(
  raw: Raw,
  { full, biases = 'any', dtype = 'F64', solver = 'exact', basis = 'weight' }: CaseOptions,
): Case {
  const { count, depth } = raw;
  const hasBias = (l: number) => (biases === 'any' ? raw.biased[l] : biases === 'all');
  const widthOf = (i: number, axis: number) => {
    const shared = (axis === 0 && raw.inputs === 'shared') || (axis === depth && raw.outputs === 'shared');
    return raw.widths[shared ? 0 : i][axis];
  };
  const sources = Array.from({ length: count }, (_, i) =>
    Array.from({ length: depth }, (_, l): NamedTensor[] => {
      const [out, into] = [widthOf(i, l + 1), widthOf(i, l)];
      const seed = raw.seed + 1000 * i + 10 * l;
      const values = raw.deficient ? rankOne(out, into, seed) : randomValues(out * into, seed, 2);
      const weight = { name: `w${l}`, shape: [out, into], values, dtype };
      return hasBias(l)
        ? [weight, { name: `b${l}`, shape: [out], values: randomValues(out, seed + 5, 2), dtype }]
        : [weight];
    }).flat(),
  );
  const layers = Array.from({ length: depth }, (_, l) => {
    const total = Array.from({ length: count }, (_, i) => widthOf(i, l + 1)).reduce((a, b) => a + b, 0);
    const least = raw.mode === 'separate' ? count : 1;
    const chosen = full ? total : least + Math.round((raw.targets[l] ?? 0) * (total - least));
    return { weight: `w${l}`, ...(hasBias(l) && { bias: `b${l}` }), ...(l < depth - 1 && { width: chosen }) };
  });
  return {
    sources,
    spec: {
      model: { family: 'chain', inputs: raw.inputs, outputs: raw.outputs, layers },
      method: {
        mode: raw.mode,
        padding: raw.padding,
        basis,
        factorization: basis === 'weight' ? raw.factorization : 'auto',
        solver: solver === 'exact' ? { type: 'exact' } : { type: 'randomized', niter: 2, seed: raw.seed },
      },
      probe: { inputs: 'random', rows: 3, seed: raw.seed },
    },
  };
}

function rankOne(rows: number, cols: number, seed: number): Float64Array {
  const [left, right] = [randomValues(rows, seed, 2), randomValues(cols, seed + 1, 2)];
  return Float64Array.from({ length: rows * cols }, (_, i) => left[Math.floor(i / cols)] * right[i % cols]);
}
