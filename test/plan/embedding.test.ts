import { describe, expect, it } from 'vitest';
import { planOf, type Shapes } from './headers.js';

const model = (width: number) => ({ model: { family: 'embedding' as const, tensor: 'e.weight', width } });

describe('an embedding', () => {
  it('from two column slices gives the new table and its fold', () => {
    const table = { 'e.weight': [100, 16] };
    const plan = planOf([table, table], model(8), [{ columns: [0, 6] }, { columns: [6, 16] }]);
    expect(plan.tensors.map(({ name, role, shape }) => [name, role, shape])).toEqual([
      ['e.weight', 'weight', [100, 8]],
      ['e.fold.weight', 'fold', [16, 8]],
    ]);
    expect(plan.spaces[1]).toMatchObject({ name: 'width', source_widths: [6, 10], width: 8, coupled: true });
    expect(plan.probe_columns).toEqual([]);
    expect(plan.config).toMatchObject({
      model_type: 'embedding',
      vocab_size: 100,
      embedding_size: 8,
      fold: 'e.fold.weight',
    });
  });

  it('may take row slices of one vocabulary', () => {
    const table = { 'e.weight': [100, 16] };
    const plan = planOf([table, table], model(8), [{ rows: [0, 40] }, { rows: [60, 100] }]);
    expect(plan.tensors[0].shape).toEqual([40, 8]);
  });

  it.each<[string, Shapes[], number, string]>([
    ['vocabularies that differ', [{ 'e.weight': [10, 4] }, { 'e.weight': [11, 4] }], 4, 'vocabulary_mismatch'],
    [
      'a width above the sources’ together',
      [{ 'e.weight': [10, 4] }, { 'e.weight': [10, 4] }],
      9,
      'width_out_of_range',
    ],
    ['a missing table', [{ 'e.weight': [10, 4] }, { f: [10, 4] }], 4, 'tensor_missing'],
    ['a vector', [{ 'e.weight': [10] }], 4, 'shape_unsupported'],
  ])('refuses %s', (_, sources, width, code) => {
    expect(() => planOf(sources, model(width))).toThrow(expect.objectContaining({ code, status: 422 }));
  });

  it('refuses a fold name that the table has already', () => {
    const plan = () =>
      planOf([{ 'e.fold.weight': [4, 4] }], { model: { family: 'embedding', tensor: 'e.fold.weight', width: 2 } });
    expect(plan().tensors[1].name).toBe('e.fold.fold.weight');
    expect(() =>
      planOf([{ __metadata__: [4, 4] }], { model: { family: 'embedding', tensor: '__metadata__', width: 2 } }),
    ).toThrow(expect.objectContaining({ code: 'tensor_repeated' }));
  });
});
