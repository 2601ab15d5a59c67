import { describe, expect, it } from 'vitest';
import { fuzzHeaders } from '../support/fuzz-headers.js';

describe('fuzzed safetensors headers', () => {
  it('are refused for a stated reason, or read as what they are', () => {
    const { refused, accepted } = fuzzHeaders(4000, 1);
    // The changes must reach deep: most reasons occur, and a share of the files stays well-formed.
    expect(refused.size).toBeGreaterThanOrEqual(14);
    expect(accepted).toBeGreaterThan(100);
  });
});
