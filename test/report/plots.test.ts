import { describe, expect, it } from 'vitest';
import { around, decades, isNearTop, padded, powerOfTen, wholeTick } from '../../src/report/axis-limits.js';
import { comparisonLines } from '../../src/report/comparison-lines.js';
import { reasonsOf } from '../../src/report/reasons-of.js';
import { timeParts } from '../../src/report/time-parts.js';
import type { ComparisonRow } from '../../src/schemas/metrics.js';

describe('limits of an axis', () => {
  it.each([
    ['the decades around the values', [0.02, 3], { min: 0.01, max: 10 }],
    ['one decade at least', [1, 1], { min: 1, max: 10 }],
    ['values without a place left out', [0, 0.5], { min: 0.1, max: 1 }],
    ['some decade where no value has a place', [0], { min: 0.1, max: 1 }],
  ])('logarithmic: %s', (_, values, limits) => expect(decades(values)).toEqual(limits));

  it.each([
    [[1.12, 1.58], { min: 1.1, max: 1.6 }],
    [[2, 2], { min: 2, max: 2 }],
    [[0.11, 0.29], { min: 0.1, max: 0.3 }],
  ])('linear: the tenths around %j', (values, limits) => expect(around(values)).toEqual(limits));

  it('of whole numbers have room on both sides, and do not go below 0', () => {
    expect(padded([50, 90])).toEqual({ min: 47, max: 93 });
    expect(padded([1, 100])).toEqual({ min: 0, max: 106 });
  });

  it('leave no room above a line near the upper one', () => {
    expect(isNearTop(0.7, { min: 1e-5, max: 1 }, true)).toBe(true);
    expect(isNearTop(0.02, { min: 1e-5, max: 1 }, true)).toBe(false);
    expect(isNearTop(1.59, { min: 1.1, max: 1.6 }, false)).toBe(true);
  });
});

it('ticks are short', () => {
  expect([1e-5, 0.01, 0.1, 1, 1e4, 1e5, 1e-12].map(powerOfTen)).toEqual([
    '10⁻⁵',
    '0.01',
    '0.1',
    '1',
    '10,000',
    '10⁵',
    '10⁻¹²',
  ]);
  expect([768, 3072, 1_900_000].map(wholeTick)).toEqual(['768', '3,072', '1.9M']);
});

describe('the lines of a comparison', () => {
  const row = (name: string, change: Partial<ComparisonRow>): ComparisonRow => ({
    name,
    kind: 'method',
    share: null,
    widths: null,
    parameters: 1,
    bytes: 4,
    map_relative_error: null,
    lower_bound: null,
    relative_error: null,
    mean_abs_error: null,
    loss: null,
    losses: null,
    seconds: null,
    ...change,
  });

  it('one per method by width, the bound below them, levels near each other as one', () => {
    const at = (name: string, share: number, error: number, bound: number) =>
      row(name, { share, widths: { h0: share * 8, h1: share * 16 }, map_relative_error: error, lower_bound: bound });
    const { xName, logarithmic, lines, levels } = comparisonLines({
      measure: 'map_relative_error',
      rows: [
        at('plain', 0.75, 0.2, 0.1),
        at('plain', 0.5, 0.4, 0.3),
        at('exact', 0.5, 0, 0.3), // no place on a logarithmic axis
        row('a alone', { kind: 'baseline', map_relative_error: 0.7 }),
        row('b alone', { kind: 'baseline', map_relative_error: 0.71 }),
        row('mean', { kind: 'baseline', map_relative_error: 0.02 }),
      ],
    });
    expect([xName, logarithmic]).toEqual(['width, % of the sources’ together', true]);
    expect(lines.map(({ name, bound }) => [name, bound])).toEqual([
      ['plain', false],
      ['exact', false],
      ['lower bound (no merge can be below)', true],
    ]);
    expect(lines.map(({ points }) => points)).toEqual([
      [
        [50, 0.4],
        [75, 0.2],
      ],
      [],
      [
        [50, 0.3],
        [75, 0.1],
      ],
    ]);
    expect(levels).toEqual([
      { name: 'mean', y: 0.02 },
      { name: 'a alone, b alone', y: 0.7 },
    ]);
  });

  it('of language models stand at their parameters, without a bound', () => {
    const { xName, logarithmic, lines } = comparisonLines({
      measure: 'loss',
      rows: [row('closed form', { parameters: 900, loss: 1.7 }), row('closed form', { parameters: 500, loss: 1.9 })],
    });
    expect([xName, logarithmic]).toEqual(['parameters', false]);
    expect(lines).toEqual([
      {
        name: 'closed form',
        bound: false,
        points: [
          [500, 1.9],
          [900, 1.7],
        ],
      },
    ]);
  });
});

it('says each reason once: spaces of every layer by their pattern, others by name', () => {
  const space = (name: string, legality: string, reason: string) => ({ name, legality, reason });
  const layers = [0, 1, 2, 3];
  expect(
    reasonsOf([
      space('residual', 'exact', 'norms commute'),
      ...layers.map((l) => space(`layer.${l}.heads`, 'selection', 'whole heads')),
      ...layers.map((l) => space(`layer.${l}.ffn`, l < 2 ? 'selection' : 'exact', l < 2 ? 'whole units' : 'kept')),
    ]),
  ).toEqual([
    { legality: 'exact', reason: 'norms commute', spaces: 'residual' },
    { legality: 'selection', reason: 'whole heads', spaces: 'layer.*.heads' },
    { legality: 'selection', reason: 'whole units', spaces: 'layer.0.ffn, layer.1.ffn' },
    { legality: 'exact', reason: 'kept', spaces: 'layer.2.ffn, layer.3.ffn' },
  ]);
  const [{ spaces }] = reasonsOf([...'abcdefgh'].map((name) => space(name, 'exact', 'nothing nonlinear')));
  expect(spaces).toBe('a, b, c, d, e, f and 2 more');
});

it('accounts for all of the time, waits between steps included', () => {
  const timings = { read_s: 0, basis_s: 3, fold_s: 1, evaluate_s: 0, write_s: 1, total_s: 9 };
  const names = (parts: { name: string; seconds: number }[]) => parts.map(({ name, seconds }) => [name, seconds]);
  expect(names(timeParts(timings))).toEqual([
    ['bases', 3],
    ['fold', 1],
    ['write', 1],
    ['between steps', 4],
  ]);
  // two workers at once: the parts are more than the whole
  expect(names(timeParts({ ...timings, total_s: 4 })).map(([name]) => name)).toEqual(['bases', 'fold', 'write']);
});
