import { describe, expect, it } from 'vitest';
import { orderSteps, type StepDraft } from '../../src/plan/steps.js';

const draft = (id: string, phase: StepDraft['phase'], after?: string[]): StepDraft => ({
  id,
  phase,
  subject: id,
  ...(after && { after }),
});

describe('the order of steps', () => {
  it('lets a step wait for the phases before its own, unless it says what it waits for', () => {
    const steps = orderSteps([
      draft('a', 'basis'),
      draft('b', 'basis', ['a']),
      draft('f', 'fold', ['a']),
      draft('g', 'fold'),
      draft('p', 'publish'),
    ]);
    expect(Object.fromEntries(steps.map(({ id, after }) => [id, after]))).toEqual({
      a: [],
      b: ['a'],
      f: ['a'],
      g: ['a', 'b'],
      p: ['f', 'g'],
    });
  });

  it('puts every step after those it needs, whatever order they were drafted in', () => {
    const steps = orderSteps([draft('h1', 'basis', ['h0']), draft('e', 'evaluate'), draft('h0', 'basis')]);
    expect(steps.map(({ id }) => id)).toEqual(['h0', 'h1', 'e']);
  });

  it.each([
    ['each other', [draft('a', 'basis', ['b']), draft('b', 'basis', ['a'])]],
    ['an unknown one', [draft('a', 'basis', ['x'])]],
  ])('refuses steps that wait for %s', (_, steps) => {
    expect(() => orderSteps(steps)).toThrow('wait for');
  });
});
