import { describe, expect, it } from 'vitest';
import { chainShapes, layers, planOf, type Shapes } from './headers.js';

const two = [chainShapes([10, 4, 6, 3]), chainShapes([12, 5, 7, 2])];
const chain = (rest: object = {}) => ({
  model: { family: 'chain' as const, layers: layers([6, 8, undefined]), ...rest },
});

describe('a chain', () => {
  it('has a space between every two layers and concatenates the sources', () => {
    const plan = planOf(two, chain());
    expect(
      plan.spaces.map(({ name, kind, source_widths, width, reduced }) => [name, kind, source_widths, width, reduced]),
    ).toEqual([
      ['input', 'concatenated', [10, 12], 22, false],
      ['h0', 'concatenated', [4, 5], 6, true],
      ['h1', 'concatenated', [6, 7], 8, true],
      ['output', 'concatenated', [3, 2], 5, false],
    ]);
    expect(plan.tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['w0', [6, 22]],
      ['w1', [8, 6]],
      ['w2', [5, 8]],
    ]);
    expect(plan.steps.map(({ id }) => id)).toEqual(['basis-h0', 'basis-h1', 'fold-1', 'evaluate', 'publish']);
    expect(plan.probe_columns).toEqual([10, 12]);
    expect(plan.source_weights).toEqual([0.5, 0.5]);
    expect(plan.config).toMatchObject({
      model_type: 'chain',
      layers: [{ weight: 'w0', in_features: 22, out_features: 6 }, {}, {}],
    });
  });

  it('shares inputs and outputs where it is told to', () => {
    const same = [chainShapes([10, 4, 6, 3]), chainShapes([10, 5, 7, 3])];
    const plan = planOf(same, chain({ inputs: 'shared', outputs: 'shared' }));
    expect(plan.tensors.map(({ shape }) => shape)).toEqual([
      [6, 10],
      [8, 6],
      [3, 8],
    ]);
    expect(plan.probe_columns).toEqual([10]);
    expect(plan.spaces.map(({ coupled }) => coupled)).toEqual([false, true, false, false]);
  });

  it('moves constants to biased readers, and makes them a basis column for a reader without bias', () => {
    const sources = [chainShapes([3, 4, 4, 4, 2], [0, 1]), chainShapes([3, 4, 4, 4, 2], [0, 1])];
    const plan = planOf(sources, { model: { family: 'chain', layers: layers([5, 5, 5, undefined], [0, 1]) } });
    expect(plan.spaces.map(({ constant }) => constant)).toEqual([
      'none',
      'reader_bias',
      'basis_column',
      'basis_column',
      'none',
    ]);
    expect(plan.steps[0]).toMatchObject({ id: 'constants', phase: 'basis' });
    expect(plan.tensors.filter(({ role }) => role === 'bias').map(({ name, shape }) => [name, shape])).toEqual([
      ['b0', [5]],
      ['b1', [5]],
    ]);
  });

  it('of one layer reduces nothing', () => {
    const plan = planOf([{ w0: [2, 3] }, { w0: [4, 5] }], { model: { family: 'chain', layers: [{ weight: 'w0' }] } });
    expect(plan.tensors[0].shape).toEqual([6, 8]);
    expect(plan.spaces.every(({ reduced }) => !reduced)).toBe(true);
  });

  it('computes in float64 where a source holds it, and writes the widest type', () => {
    const dtypes = (a: Shapes, b: Shapes, output = {}) => {
      const plan = planOf([a, b], { model: { family: 'chain', layers: [{ weight: 'w0' }] }, output });
      return [plan.precision, plan.tensors[0].dtype];
    };
    expect(dtypes({ w0: ['F64', [2, 2]] }, { w0: ['F16', [2, 2]] })).toEqual(['float64', 'F64']);
    expect(dtypes({ w0: ['F16', [2, 2]] }, { w0: ['F16', [2, 2]] })).toEqual(['float32', 'F16']);
    expect(dtypes({ w0: ['F16', [2, 2]] }, { w0: ['BF16', [2, 2]] })).toEqual(['float32', 'F32']);
    expect(dtypes({ w0: ['F32', [2, 2]] }, { w0: ['BF16', [2, 2]] }, { dtype: 'bfloat16' })).toEqual([
      'float32',
      'BF16',
    ]);
  });

  it('is a pure function of spec and headers', () => {
    expect(planOf(two, chain())).toEqual(planOf(two, chain()));
  });

  it('states costs that grow with the work', () => {
    const small = planOf(two, chain()).costs;
    const large = planOf([chainShapes([100, 40, 60, 30]), chainShapes([120, 50, 70, 20])], chain()).costs;
    expect(small.bytes_read).toBe(4 * (40 + 24 + 18 + 60 + 35 + 14));
    expect(small.bytes_written).toBeGreaterThanOrEqual(4 * (6 * 22 + 8 * 6 + 5 * 8));
    expect(large.flops).toBeGreaterThan(small.flops);
    expect(large.estimated_seconds).toBeGreaterThan(0);
  });
});

describe('a chain that cannot be merged is refused, with a pointer', () => {
  const refusal = (sources: Shapes[], model: object, rest: object = {}, slices: object[] = []) => {
    try {
      planOf(sources, { model: { family: 'chain', ...model } as never, ...rest }, slices);
    } catch (error) {
      const { code, status, errors, message } = error as {
        code: string;
        status: number;
        errors: { pointer: string }[];
        message: string;
      };
      expect(status).toBe(422);
      return [code, errors[0].pointer, message];
    }
    return expect.unreachable('the plan was made');
  };
  const widths = (w0: number | undefined, last?: number) => ({ layers: layers([w0, 8, last]) });

  it.each([
    [
      'a width above the sources’ together',
      widths(10),
      'width_out_of_range',
      '/model/layers/0/width',
      /outside 1…9 .*4 \+ 5/,
    ],
    ['a missing width', widths(undefined), 'width_missing', '/model/layers/0/width', /Layer 0/],
    ['a width on the last layer', widths(6, 5), 'width_not_applicable', '/model/layers/2/width', /keeps its outputs/],
    [
      'a tensor that is not there',
      { layers: [{ weight: 'nope' }] },
      'tensor_missing',
      '/model/layers/0/weight',
      /no tensor "nope".*w0, w1, w2/,
    ],
    [
      'a bias that is not there',
      { layers: [{ weight: 'w0', bias: 'b0' }] },
      'tensor_missing',
      '/model/layers/0/bias',
      /b0/,
    ],
    [
      'a weight twice',
      { layers: [{ weight: 'w0', width: 5 }, { weight: 'w0' }] },
      'tensor_repeated',
      '/model/layers/1',
      /Layer 1/,
    ],
    [
      'layers that do not fit',
      { layers: [{ weight: 'w0', width: 5 }, { weight: 'w2' }] },
      'shape_mismatch',
      '/model/layers/1/weight',
      /reads 6 inputs.*writes 4/,
    ],
    ['shared inputs of unequal width', { ...widths(6), inputs: 'shared' }, 'shape_mismatch', '/model/inputs', /10, 12/],
    [
      'shared outputs of unequal width',
      { ...widths(6), outputs: 'shared' },
      'shape_mismatch',
      '/model/outputs',
      /3, 2/,
    ],
  ])('%s', (_, model, code, pointer, message) => {
    expect(refusal(two, model)).toEqual([code, pointer, expect.stringMatching(message)]);
  });

  it('a bias used as a weight, or with another length', () => {
    const biased = (shape: number[]) => [
      { w0: [4, 3], b: shape },
      { w0: [4, 3], b: shape },
    ];
    const model = { layers: [{ weight: 'w0', bias: 'b' }] };
    expect(refusal(biased([5]), model)).toEqual([
      'shape_mismatch',
      '/model/layers/0/bias',
      expect.stringMatching(/5 entries.*4 rows/),
    ]);
    expect(refusal(biased([4, 1]), model)[0]).toBe('shape_unsupported');
    expect(refusal(biased([4]), { layers: [{ weight: 'w0', bias: 'w0' }] })[0]).toBe('tensor_repeated');
    expect(refusal(biased([4]), { layers: [{ weight: 'w0', width: 2, bias: 'b' }, { weight: 'b' }] })[0]).toMatch(
      /tensor_repeated|shape_unsupported/,
    );
  });

  it('dtypes that hold no weights, and shapes that are no matrix', () => {
    const model = { layers: [{ weight: 'w0' }] };
    expect(refusal([{ w0: ['I64', [2, 2]] }], model)[0]).toBe('dtype_unsupported');
    expect(refusal([{ w0: ['F8_E4M3', [2, 2]] }], model)[0]).toBe('dtype_unsupported');
    expect(refusal([{ w0: [2, 2, 2] }], model)[0]).toBe('shape_unsupported');
    expect(refusal([{ w0: [0, 2] }], model)[0]).toBe('shape_unsupported');
  });

  it('a width below one direction per source in mode separate', () => {
    expect(refusal(two, { layers: layers([1, 8, undefined]) }, { method: { mode: 'separate' } })).toEqual([
      'width_out_of_range',
      '/model/layers/0/width',
      expect.stringMatching(/outside 2…9/),
    ]);
  });

  it('slices: of more than one layer, or past the end', () => {
    expect(refusal(two, widths(6), {}, [{}, { columns: [0, 2] }])).toEqual([
      'slice_not_applicable',
      '/sources/1',
      expect.any(String),
    ]);
    const one = { layers: [{ weight: 'w0' }] };
    expect(refusal(two, one, {}, [{ rows: [0, 5] }])).toEqual([
      'slice_out_of_range',
      '/sources/0/rows',
      expect.stringMatching(/4 rows/),
    ]);
    expect(refusal(two, one, {}, [{}, { columns: [11, 13] }])[1]).toBe('/sources/1/columns');
    expect(
      planOf(two, { model: { family: 'chain', ...one } }, [{ rows: [1, 3] }, { columns: [2, 12] }]).tensors[0].shape,
    ).toEqual([7, 20]);
  });
});
