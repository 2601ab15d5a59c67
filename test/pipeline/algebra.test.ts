import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Mt19937, uniformMatrix } from '../../src/random/mt19937.js';
import { ReferenceBackend } from '../../workers/linalg/reference/backend.js';
import { temporaryFolder } from '../support/temporary.js';
import { type Case, caseArbitrary } from './cases.js';
import { checkBases, checkEndToEnd, checkMetrics, checkRewriting, checkWholeMap, spreadOf } from './check.js';
import { applyChain, applySources, type Merged, merge } from './harness.js';
import { mat, maxAbs, minus, norm, transpose } from './oracle.js';

const root = temporaryFolder();

/** The random probe of docs/method.md, section 7, as columns: drawn source after source, ÷ √width. */
function probeOf({ spec, plan }: Merged) {
  if (!spec.probe || !('inputs' in spec.probe)) throw new Error('not a random probe');
  const random = new Mt19937(spec.probe.seed);
  const { rows } = spec.probe;
  const blocks = plan.probe_columns.map((width) =>
    transpose(mat(rows, width, uniformMatrix(random, rows * width, width))),
  );
  return mat(
    plan.probe_columns.reduce((a, b) => a + b, 0),
    rows,
    blocks.flatMap(({ data }) => [...data]),
  );
}

function checkAll(m: Merged): void {
  checkBases(m);
  checkRewriting(m);
  checkMetrics(m);
  checkEndToEnd(m, probeOf(m));
  checkWholeMap(m);
}

const run = ({ sources, spec }: Case, backend?: ReferenceBackend) => merge(root, sources, spec, backend && { backend });
/** One fixed stream of cases, so that a red run is red again; PROPERTY_RUNS=n draws n times as many new ones. */
const property = (arbitrary: fc.Arbitrary<Case>, numRuns: number, check: (c: Case) => Promise<void>) =>
  fc.assert(fc.asyncProperty(arbitrary, check), {
    numRuns: numRuns * Number(process.env.PROPERTY_RUNS ?? 1),
    ...(process.env.PROPERTY_RUNS ? {} : { seed: 33 }),
  });

describe('the algebra of any chain', () => {
  it('bases, rewritten tensors and every metric are what the formulas say, in float64', () =>
    property(caseArbitrary(), 60, async (c) => checkAll(await run(c))));

  it('the same in float32', () =>
    property(caseArbitrary({ dtype: 'F32', deficient: false }), 25, async (c) => {
      const m = await run(c);
      expect(m.plan.precision).toBe('float32');
      checkRewriting(m);
      checkEndToEnd(m, probeOf(m));
    }));

  it('the same with the randomized solver', () =>
    property(caseArbitrary({ solver: 'randomized', deficient: false }), 25, async (c) => {
      const m = await run(c);
      checkBases(m);
      checkRewriting(m);
      checkMetrics(m);
      checkEndToEnd(m, probeOf(m));
    }));

  it('two backends agree', () =>
    property(caseArbitrary({ deficient: false }), 15, async (c) => {
      const [fast, plain] = [await run(c), await run(c, new ReferenceBackend())];
      checkAll(plain);
      expect(fast.plan).toEqual(plain.plan);
      expect(fast.metrics.environment.backend).toBe('cpu');
      expect(plain.metrics.environment.backend).toBe('reference');
      for (const [s, space] of fast.metrics.spaces.entries()) {
        expect(space.rank).toBe(plain.metrics.spaces[s].rank);
        space.spectrum.forEach((sigma, j) => {
          // σ from a Gram matrix: √ε·σ₁ is where two roundings part.
          expect(Math.abs(sigma - plain.metrics.spaces[s].spectrum[j])).toBeLessThan(1e-6 * space.spectrum[0]);
        });
      }
      for (const [t, tensor] of fast.metrics.tensors.entries())
        expect(Math.abs(tensor.relative_error - plain.metrics.tensors[t].relative_error)).toBeLessThan(1e-7);
    }));

  it('nothing is lost at the full width', () =>
    property(caseArbitrary({ full: true }), 30, async (c) => {
      const m = await run(c);
      const probe = probeOf(m);
      const [y, z] = [applySources(m, probe), applyChain(m.tensors, m.spec, probe)];
      expect(norm(minus(y, z))).toBeLessThan(1e-5 * Math.max(norm(y), 1e-3));
    }));

  it('the constant of a chain with biased readers is kept exactly, however narrow the result', () =>
    property(caseArbitrary({ biases: 'all' }), 30, async (c) => {
      const m = await run(c);
      const zero = mat(m.plan.spaces[0].width, 1);
      const [y, z] = [applySources(m, zero), applyChain(m.tensors, m.spec, zero)];
      const spread = Math.max(1, ...m.metrics.spaces.map(({ spectrum }) => spreadOf(spectrum)));
      expect(maxAbs(minus(y, z))).toBeLessThan(1e-10 * (1 + norm(y)) * spread);
    }));

  it('diag is never worse than separate, tensor by tensor', () =>
    property(caseArbitrary({ minSources: 2, biases: 'none' }), 30, async ({ sources, spec }) => {
      const of = (mode: 'diag' | 'separate') => merge(root, sources, { ...spec, method: { ...spec.method, mode } });
      // Widths below one direction per source exist for diag only.
      const separateFits =
        spec.model.family === 'chain' &&
        spec.model.layers.every(({ width }) => typeof width !== 'number' || width >= sources.length);
      fc.pre(separateFits);
      const [diag, separate] = [await of('diag'), await of('separate')];
      for (const [t, tensor] of diag.metrics.tensors.entries())
        expect(tensor.relative_error).toBeLessThanOrEqual(separate.metrics.tensors[t].relative_error + 1e-7);
    }));
});

describe('a chain whose reader has no bias', () => {
  it('takes the constant as a column: at rank-many directions nothing of it is lost', async () => {
    // Rank-one weights plus one constant span two directions per source: width 2 per source keeps all of both.
    await property(caseArbitrary({ minSources: 2, full: true, deficient: true }), 20, async (c) => {
      const m = await run(c);
      const zero = mat(m.plan.spaces[0].width, 1);
      const [y, z] = [applySources(m, zero), applyChain(m.tensors, m.spec, zero)];
      expect(maxAbs(minus(y, z))).toBeLessThan(1e-5 * (1 + norm(y)));
    });
  });
});
