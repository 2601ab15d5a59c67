import { describe, expect, it } from 'vitest';
import { preferredWait } from '../../src/api/prefer.js';

describe('the wait preference', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['wait=5', 5],
    ['WAIT = 5', 5],
    ['wait="5"', 5],
    ['wait=5; x=1', 5],
    ['respond-async, wait=5', 5],
    ['wait=5, wait=7', 5],
    ['wait=0', 0],
    ['wait=61', 60],
    ['wait=99999999999999999999', 60],
    ['foo="a, wait=5"', undefined],
    ['foo="\\", wait=5", wait=7', 7],
    ['await=5', undefined],
    ['wait', undefined],
    ['wait=', undefined],
    ['wait=5.5', undefined],
    ['wait=-5', undefined],
    ['wait=1e3', undefined],
  ])('of %j is %j', (header, seconds) => {
    expect(preferredWait(header, 60)).toBe(seconds);
  });
});
