import { describe, expect, it } from 'vitest';
import type { LinearAlgebra, Matrix, Precision } from '../../workers/linalg/contract.js';
import { ReferenceBackend } from '../../workers/linalg/reference/backend.js';

/** mulberry32: reproducible test data, no statistics expected of it. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5;
  };
}

/** |a − b| ≤ tolerance · (1 + |b|) per entry, with the scale set by the longest sum behind an entry. */
function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++)
    worst = Math.max(worst, Math.abs(actual[i] - expected[i]) / (1 + Math.abs(expected[i])));
  expect(worst).toBeLessThanOrEqual(tolerance);
}

/** Every verb of the contract, against the plain TypeScript oracle, for one backend. */
export function linearAlgebraSuite(name: string, make: () => LinearAlgebra | Promise<LinearAlgebra>): void {
  describe(`linear algebra: ${name}`, async () => {
    const la = await make();
    const oracle = new ReferenceBackend();

    for (const precision of la.info.precisions) {
      const tolerance = precision === 'float64' ? 1e-11 : 2e-4;
      const make = (rows: number, cols: number, seed: number, p: Precision = precision) => {
        const random = seeded(seed);
        const values = Array.from({ length: rows * cols }, random);
        const data = () => (p === 'float64' ? Float64Array.from(values) : Float32Array.from(values));
        return { fast: la.upload(data(), rows, cols), slow: oracle.upload(data(), rows, cols) };
      };
      const same = async (fast: Matrix, slow: Matrix, scale = 1) => {
        expect([fast.rows, fast.cols]).toEqual([slow.rows, slow.cols]);
        expectClose(await la.download(fast), await oracle.download(slow), tolerance * scale);
      };
      const spd = (n: number, seed: number) => {
        const { fast, slow } = make(n, n + 3, seed);
        return { fast: la.syrk(fast), slow: oracle.syrk(slow) };
      };

      describe(precision, () => {
        for (const [m, k, n] of [
          [1, 1, 1],
          [3, 5, 2],
          [17, 9, 31],
          [64, 200, 33],
          [5, 0, 4],
          [0, 3, 2],
        ])
          for (const transA of [false, true])
            for (const transB of [false, true])
              it(`gemm ${m}×${k}×${n}${transA ? ' Aᵀ' : ''}${transB ? ' Bᵀ' : ''}`, async () => {
                const a = transA ? make(k, m, 1) : make(m, k, 1);
                const b = transB ? make(n, k, 2) : make(k, n, 2);
                const c = make(m, n, 3);
                const options = { transA, transB, alpha: 1.5, beta: -0.5 };
                await same(
                  await la.gemm(a.fast, b.fast, { ...options, out: c.fast }),
                  await oracle.gemm(a.slow, b.slow, { ...options, out: c.slow }),
                );
                await same(
                  await la.gemm(a.fast, b.fast, { transA, transB }),
                  await oracle.gemm(a.slow, b.slow, { transA, transB }),
                );
              });

        it('gemm reads and writes views without touching what surrounds them', async () => {
          const [a, b, c] = [make(8, 9, 1), make(9, 7, 2), make(10, 11, 3)];
          for (const [x, m] of [
            [la, 'fast'],
            [oracle, 'slow'],
          ] as const)
            await x.gemm(x.view(a[m], 1, 5, 2, 8), x.view(b[m], 0, 6, 3, 6), {
              out: x.view(c[m], 4, 8, 5, 8),
              beta: 1,
            });
          await same(c.fast, c.slow);
        });

        it('refuses shapes that do not fit', async () => {
          const [a, b] = [make(3, 4, 1), make(5, 2, 2)];
          await expect(la.gemm(a.fast, b.fast)).rejects.toThrow(/3 × 4 times 5 × 2/);
          expect(() => la.view(a.fast, 0, 4, 0, 1)).toThrow(/outside a 3 × 4 matrix/);
          await expect(la.complement(make(3, 4, 1).fast, 2)).rejects.toThrow(/3 \+ 2 rows in 4/);
        });

        for (const transpose of [false, true])
          it(`syrk${transpose ? ' Aᵀ·A' : ' A·Aᵀ'} fills both triangles`, async () => {
            const [a, c] = [make(40, 70, 4), make(transpose ? 70 : 40, transpose ? 70 : 40, 5)];
            await same(
              await la.syrk(a.fast, { transpose, alpha: 2 }),
              await oracle.syrk(a.slow, { transpose, alpha: 2 }),
            );
            // β·C needs a symmetric C: accumulate onto an earlier product.
            void c;
            const [first, second] = [await la.syrk(a.fast, { transpose }), await oracle.syrk(a.slow, { transpose })];
            await same(
              await la.syrk(a.fast, { transpose, beta: 1, out: first }),
              await oracle.syrk(a.slow, { transpose, beta: 1, out: second }),
            );
          });

        it('inspects and alters a matrix and a view of it, and nothing around the view', async () => {
          const a = make(6, 5, 6);
          const before = (await la.download(a.fast)).slice();
          const [part, expected] = [la.view(a.fast, 1, 4, 1, 3), oracle.view(a.slow, 1, 4, 1, 3)];
          expect(await la.inspect(part, (values) => [...values])).toEqual([...(await oracle.download(expected))]);
          await la.alter(part, (values) => {
            for (let i = 0; i < values.length; i++) values[i] = i;
          });
          expect([...(await la.download(part))]).toEqual([0, 1, 2, 3, 4, 5]);
          const inside = (at: number) => Math.floor(at / 5) >= 1 && Math.floor(at / 5) < 4 && at % 5 >= 1 && at % 5 < 3;
          const rest = (values: Iterable<number>) => [...values].filter((_, at) => !inside(at));
          expect(await la.inspect(a.fast, async (values) => rest(values))).toEqual(rest(before));
        });

        it('norms of a matrix with NaN or infinity in it are not finite', async () => {
          for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
            const a = make(70, 90, 6).fast;
            await la.alter(a, (values) => {
              values[4321] = bad;
            });
            expect(Number.isFinite((await la.norms(a)).sumAbs)).toBe(false);
          }
        });

        it.each([1e-30, 1e30])('norms of values around %s, whose squares float32 does not hold', async (size) => {
          const a = make(70, 90, 6);
          const expected = await oracle.norms(a.slow);
          await la.scaleRows(a.fast, new Float64Array(70).fill(size));
          const found = await la.norms(a.fast);
          expect(found.sumAbs / (size * expected.sumAbs)).toBeCloseTo(1, 5);
          expect(found.maxAbs / (size * expected.maxAbs)).toBeCloseTo(1, 5);
          expect(found.sumSquares / (size ** 2 * expected.sumSquares)).toBeCloseTo(1, 5);
        });

        it('cast, axpy, scaleRows, norms', async () => {
          const [a, x] = [make(6, 5, 6), make(6, 5, 7)];
          await la.axpy(-0.25, x.fast, a.fast);
          await oracle.axpy(-0.25, x.slow, a.slow);
          const factors = Float64Array.from([1, 2, 0, -1, 0.5, 3]);
          await la.scaleRows(a.fast, factors);
          await oracle.scaleRows(a.slow, factors);
          await same(a.fast, a.slow);
          const [fast, slow] = [await la.norms(a.fast), await oracle.norms(a.slow)];
          for (const key of ['sumAbs', 'maxAbs', 'sumSquares'] as const)
            expect(fast[key]).toBeCloseTo(slow[key], precision === 'float64' ? 10 : 4);
          const other: Precision = precision === 'float64' ? 'float32' : 'float64';
          if (la.info.precisions.includes(other)) {
            const converted = await la.cast(la.view(a.fast, 1, 4, 1, 3), other);
            expect(converted.precision).toBe(other);
            expectClose(await la.download(converted), await oracle.download(oracle.view(a.slow, 1, 4, 1, 3)), 1e-6);
          }
        });

        for (const n of [1, 2, 17, 60])
          it(`eigh ${n}: descending, orthonormal rows, A = Vᵀ·Λ·V`, async () => {
            const a = spd(n, 8);
            const [expected] = await oracle.eigh([await a.slow]);
            const [{ values, vectors }] = await la.eigh([await a.fast]);
            expectClose(values, expected.values, tolerance * 10);
            await same(await la.gemm(vectors, vectors, { transB: true }), identity(oracle, n, precision), 10);
            const scaled = await la.cast(vectors, precision);
            await la.scaleRows(scaled, values);
            await same(await la.gemm(vectors, scaled, { transA: true }), await spd(n, 8).slow, 10);
            expectClose(await la.eigvalsh(await spd(n, 8).fast), expected.values, tolerance * 10);
          });

        it('eigh of several problems equals each one alone, to the bit', async () => {
          const list = await Promise.all([130, 90, 110].map((n) => spd(n, n).fast));
          const again = await Promise.all([130, 90, 110].map((n) => spd(n, n).fast));
          const together = await la.eigh(list);
          for (let i = 0; i < 3; i++) {
            const [first] = await la.eigh([again[i], await spd(20, 1).fast]);
            expect(
              Buffer.from((await la.download(together[i].vectors)).slice().buffer).equals(
                Buffer.from((await la.download(first.vectors)).slice().buffer),
              ),
            ).toBe(true);
          }
        });

        it('eigh refuses NaN with a clear error', async () => {
          const a = la.upload(
            precision === 'float64' ? new Float64Array(9).fill(Number.NaN) : new Float32Array(9).fill(Number.NaN),
            3,
            3,
          );
          await expect(la.eigh([a])).rejects.toMatchObject({ code: 'eigensolver_failed' });
        });

        for (const [m, n] of [
          [1, 1],
          [1, 5],
          [20, 8],
          [9, 33],
          [24, 24],
          [0, 3],
        ])
          it(`svd ${m} × ${n}: descending, orthonormal rows, A = Uᵀ·Σ·V`, async () => {
            const k = Math.min(m, n);
            const { values, u, v } = await la.svd(make(m, n, 13).fast);
            expect([values.length, u.rows, u.cols, v.rows, v.cols]).toEqual([k, k, m, k, n]);
            expectClose(values, (await oracle.svd(make(m, n, 13).slow)).values, tolerance * 10);
            expect([...values]).toEqual([...values].sort((x, y) => y - x));
            await same(await la.gemm(u, u, { transB: true }), identity(oracle, k, precision), 10);
            await same(await la.gemm(v, v, { transB: true }), identity(oracle, k, precision), 10);
            const scaled = await la.cast(v, precision);
            await la.scaleRows(scaled, values);
            await same(await la.gemm(u, scaled, { transA: true }), make(m, n, 13).slow, 10);
          });

        it('svd finds the rank of a product of thin matrices', async () => {
          const product = await la.gemm(make(30, 4, 14).fast, make(4, 25, 15).fast);
          const { values, u } = await la.svd(product);
          expect(values[3]).toBeGreaterThan(0.05 * values[0]);
          expect(values[4]).toBeLessThan(tolerance * values[0]);
          await same(await la.gemm(u, u, { transB: true }), identity(oracle, 25, precision), 10);
        });

        it('svd refuses NaN with a clear error', async () => {
          const values = [1, Number.NaN, 2, 3, 4, 5];
          const a = la.upload(precision === 'float64' ? Float64Array.from(values) : Float32Array.from(values), 2, 3);
          await expect(la.svd(a)).rejects.toMatchObject({ code: 'eigensolver_failed' });
        });

        for (const [k, m] of [
          [1, 1],
          [3, 7],
          [40, 41],
          [25, 90],
        ])
          it(`orthonormalize ${k} of ${m}: orthonormal, same leading spans`, async () => {
            const a = make(k, m, 9);
            const before = await la.cast(a.fast, precision);
            const q = await la.orthonormalize(a.fast);
            await same(await la.gemm(q, q, { transB: true }), identity(oracle, k, precision), 10);
            // a = (a·qᵀ)·q, and a·qᵀ is lower triangular
            const r = await la.gemm(before, q, { transB: true });
            expectClose(await la.download(await la.gemm(r, q)), await la.download(before), tolerance * 10);
            const entries = await la.download(r);
            for (let i = 0; i < k; i++)
              for (let j = i + 1; j < k; j++) expect(Math.abs(entries[i * k + j])).toBeLessThan(tolerance * 10);
          });

        for (const [k, m, count] of [
          [0, 4, 3],
          [3, 9, 6],
          [20, 64, 10],
          [5, 5, 0],
        ])
          it(`complement of ${k} rows in ${m} dimensions, ${count} asked`, async () => {
            const q = await la.orthonormalize(make(k, m, 10).fast);
            const c = await la.complement(q, count);
            expect([c.rows, c.cols]).toEqual([m, count]);
            await same(await la.gemm(c, c, { transA: true }), identity(oracle, count, precision), 10);
            const cross = await la.norms(await la.gemm(q, c));
            expect(cross.maxAbs).toBeLessThan(tolerance * 10);
          });

        it('solvePositive solves A·X = B', async () => {
          const b = make(30, 7, 11);
          const x = await la.solvePositive(await spd(30, 12).fast, b.fast);
          const product = await la.gemm(await spd(30, 12).fast, x);
          await same(product, make(30, 7, 11).slow, precision === 'float32' ? 20 : 10);
        });

        it('solvePositive refuses an indefinite matrix', async () => {
          const a = identity(la, 3, precision);
          await la.scaleRows(a, Float64Array.from([1, -1, 1]));
          await expect(la.solvePositive(a, make(3, 1, 1).fast)).rejects.toMatchObject({
            code: 'not_positive_definite',
          });
        });
      });
    }
  });
}

function identity(la: LinearAlgebra, n: number, precision: Precision): Matrix {
  const data = precision === 'float64' ? new Float64Array(n * n) : new Float32Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return la.upload(data, n, n);
}
