import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/schemas/job-spec.js';
import { randomChain, randomValues } from '../support/checkpoint.js';
import { temporaryFolder } from '../support/temporary.js';
import { type Case, caseArbitrary } from './cases.js';
import { checkBases, checkMetrics, checkRewriting, checkWholeMap } from './check.js';
import { applyChain, applySources, type Merged, merge, type SpecWithoutSources } from './harness.js';
import { cat, type Mat, mat, maxAbs, minus, mul, norm, singularValuesOf } from './oracle.js';

const root = temporaryFolder();
const run = ({ sources, spec }: Case) => merge(root, sources, spec);
const property = (arbitrary: fc.Arbitrary<Case>, numRuns: number, check: (c: Case) => Promise<void>) =>
  fc.assert(fc.asyncProperty(arbitrary, check), { numRuns, seed: 33 });

/** Singular values of the whole map of the sources, written out in full. */
function mapSpectrum(m: Merged): number[] {
  const names = m.plan.tensors.filter(({ role }) => role === 'weight').map(({ name }) => name);
  const product = (source: Map<string, Mat>) =>
    names.map((name) => source.get(name) as Mat).reduce((below, w) => mul(w, below));
  const [input, output] = [m.plan.spaces[0], m.plan.spaces[m.plan.spaces.length - 1]];
  return singularValuesOf(
    cat(m.sources.map(product), output.kind === 'shared', input.kind === 'shared', m.plan.source_weights),
  );
}

const tailOf = (sigma: readonly number[], width: number) => {
  const energy = (values: readonly number[]) => values.reduce((sum, s) => sum + s * s, 0);
  return Math.sqrt(energy(sigma.slice(width)) / energy(sigma));
};

const withBasis = (spec: SpecWithoutSources, basis: 'weight' | 'balanced'): SpecWithoutSources => ({
  ...spec,
  method: { ...spec.method, basis, factorization: 'auto' },
});

/** A chain of the given widths (inputs first), every hidden layer at `widths`. */
const chain = (widths: (JobSpecInput['model'] & { family: 'chain' })['layers'][number]['width'][], rest: object = {}) =>
  ({
    model: {
      family: 'chain',
      layers: [...widths, undefined].map((width, l) => ({
        weight: `layers.${l}.weight`,
        ...(width !== undefined && { width }),
      })),
      ...rest,
    },
    method: { basis: 'balanced' },
  }) as SpecWithoutSources;

describe('balanced bases of any chain', () => {
  it('are inverse to each other and rewrite every tensor as the formulas say', () =>
    property(caseArbitrary({ basis: 'balanced' }), 40, async (c) => {
      const m = await run(c);
      checkBases(m);
      checkRewriting(m);
      checkMetrics(m);
      checkWholeMap(m);
    }));

  it('lose nothing at the full width', () =>
    property(caseArbitrary({ basis: 'balanced', full: true }), 20, async (c) => {
      const m = await run(c);
      const probe = mat(m.plan.spaces[0].width, 3, randomValues(m.plan.spaces[0].width * 3, 7));
      const [y, z] = [applySources(m, probe), applyChain(m.tensors, m.spec, probe)];
      expect(norm(minus(y, z))).toBeLessThan(1e-6 * Math.max(norm(y), 1e-3));
    }));

  it('keep the constant of a chain with biased readers exactly', () =>
    property(caseArbitrary({ basis: 'balanced', biases: 'all', deficient: false }), 20, async (c) => {
      const m = await run(c);
      const zero = mat(m.plan.spaces[0].width, 1);
      const [y, z] = [applySources(m, zero), applyChain(m.tensors, m.spec, zero)];
      expect(maxAbs(minus(y, z))).toBeLessThan(1e-7 * (1 + norm(y)));
    }));

  it('are never worse for the whole map than weight PCA', () =>
    property(
      caseArbitrary({ minSources: 1, maxLayers: 4, biases: 'none', mode: 'diag', deficient: false }),
      40,
      async ({ sources, spec }) => {
        const of = (basis: 'weight' | 'balanced') => merge(root, sources, withBasis(spec, basis));
        const [balanced, weight] = [await of('balanced'), await of('weight')];
        expect(balanced.metrics.end_to_end.map_relative_error as number).toBeLessThanOrEqual(
          (weight.metrics.end_to_end.map_relative_error as number) + 1e-7,
        );
      },
    ));

  it('meet the Eckart–Young bound of the whole map at the narrowest width', () =>
    property(caseArbitrary({ basis: 'balanced', maxLayers: 4, biases: 'none', mode: 'diag' }), 40, async (c) => {
      const m = await run(c);
      const narrowest = Math.min(...m.plan.spaces.filter(({ reduced }) => reduced).map(({ width }) => width));
      if (!Number.isFinite(narrowest)) return;
      const sigma = mapSpectrum(m);
      fc.pre(sigma[0] > 0);
      const bound = tailOf(sigma, narrowest);
      expect(Math.abs((m.metrics.end_to_end.map_relative_error as number) - bound)).toBeLessThan(1e-7);
    }));

  it('meet it for odd shapes of two to six layers, one interface reduced', async () => {
    for (const [seed, shape] of [
      [9, 7, 5],
      [3, 11, 4, 8],
      [12, 5, 13, 2, 6],
      [6, 6, 9, 7, 3, 10],
      [7, 4, 15, 6, 5, 9, 8],
    ].entries())
      for (let at = 1; at < shape.length - 1; at++) {
        const sources = [0, 1].map((i) => randomChain(shape, 10 * seed + i, 'F64'));
        const widths = shape.slice(1, -1).map((d, l) => (l === at - 1 ? Math.max(1, d - 2) : 2 * d));
        const m = await merge(root, sources, chain(widths));
        const bound = tailOf(mapSpectrum(m), Math.max(1, shape[at] - 2));
        const reached = m.metrics.end_to_end.map_relative_error as number;
        expect(Math.abs(reached - bound)).toBeLessThan(1e-7);
        expect(m.metrics.spaces[at - 1].tail_relative_error).toBeCloseTo(bound, 9);
      }
  });

  it('take the constant as a column where a reader has no bias', async () => {
    // Affine map of one reduced interface: the bound is that of [M, Q·c].
    const [d, r] = [8, 3];
    const weight = (out: number, into: number, seed: number) => mat(out, into, randomValues(out * into, seed));
    const [w0, w1, b0] = [weight(d, 6, 1), weight(5, d, 2), mat(d, 1, randomValues(d, 3))];
    const m = await merge(
      root,
      [
        [
          { name: 'w0', shape: [d, 6], values: w0.data, dtype: 'F64' },
          { name: 'b0', shape: [d], values: b0.data, dtype: 'F64' },
          { name: 'w1', shape: [5, d], values: w1.data, dtype: 'F64' },
        ],
      ],
      {
        model: { family: 'chain', layers: [{ weight: 'w0', bias: 'b0', width: r }, { weight: 'w1' }] },
        method: { basis: 'balanced' },
      },
    );
    const affine = (w: Mat, b: Mat) =>
      mat(
        d,
        7,
        Array.from({ length: d * 7 }, (_, k) => entry(w, b, k)),
      );
    const entry = (w: Mat, b: Mat, k: number) =>
      k % 7 === 6 ? b.data[Math.floor(k / 7)] : w.data[Math.floor(k / 7) * 6 + (k % 7)];
    const whole = mul(w1, affine(w0, b0));
    const merged = mul(
      m.tensors.get('w1') as Mat,
      mat(
        r,
        7,
        Array.from({ length: r * 7 }, (_, k) => entry(m.tensors.get('w0') as Mat, m.tensors.get('b0') as Mat, k)),
      ),
    );
    expect(norm(minus(whole, merged)) / norm(whole)).toBeCloseTo(tailOf(singularValuesOf(whole), r), 8);
  });
});

describe('widths by error', () => {
  it('are the smallest that meet it, per space and end to end, on ten random chains', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const shape = [9, 8, 12, 7, 10].slice(seed % 3);
      const sources = [0, 1].map((i) => randomChain(shape, 100 * seed + i, 'F64'));
      const goal = { max_relative_error: 0.02 + 0.05 * seed };
      const hidden = shape.length - 2;
      const whole = await merge(root, sources, chain(new Array(hidden).fill(undefined), { width: goal }));
      const sigma = mapSpectrum(whole);
      for (const space of whole.metrics.spaces) {
        expect(tailOf(sigma, space.width)).toBeLessThanOrEqual(goal.max_relative_error + 1e-12);
        expect(tailOf(sigma, space.width - 1)).toBeGreaterThan(goal.max_relative_error);
      }
      expect(whole.metrics.end_to_end.map_relative_error as number).toBeLessThanOrEqual(goal.max_relative_error + 1e-9);
      expect(whole.shapes.get('layers.0.weight')).toEqual([whole.metrics.spaces[0].width, 2 * shape[0]]);
      const first = await merge(root, sources, chain([goal, ...shape.slice(2, -1).map((d) => 2 * d)]));
      expect(first.metrics.spaces[0].width).toBe(whole.metrics.spaces[0].width);
      expect(first.metrics.spaces[0].tail_relative_error).toBeLessThanOrEqual(goal.max_relative_error);
    }
  });

  it('by energy and in multiples, for weight PCA', async () => {
    const sources = [1, 2].map((seed) => randomChain([9, 10, 6], seed, 'F64'));
    const of = (width: object) => merge(root, sources, { ...chain([width as never]), method: { basis: 'weight' } });
    const m = await of({ energy: 0.9 });
    const [space] = m.metrics.spaces;
    const share = (width: number) => 1 - tailOf(space.spectrum, width) ** 2;
    expect(share(space.width)).toBeGreaterThanOrEqual(0.9);
    expect(share(space.width - 1)).toBeLessThan(0.9);
    expect(space.retained_energy).toBeCloseTo(share(space.width), 12);
    checkBases(m);
    checkRewriting(m);
    const [rounded] = (await of({ energy: 0.9, multiple_of: 4 })).metrics.spaces;
    expect(rounded.width).toBe(Math.ceil(space.width / 4) * 4);
    const [all] = (await of({ max_relative_error: 0 })).metrics.spaces;
    expect(all.width).toBe(all.rank);
  });
});
