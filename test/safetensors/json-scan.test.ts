import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonScan, MAX_DEPTH } from '../../src/json/scan.js';

/** The code a text is refused with, scanned in pieces of `size` bytes; undefined where it is JSON. */
function scan(text: string | Buffer, size = 1 << 16): string | undefined {
  const bytes = Buffer.from(text as string);
  const json = new JsonScan();
  try {
    for (let i = 0; i < bytes.length; i += size) json.push(bytes.subarray(i, i + size));
    json.end();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}
const parses = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe('a JSON text that is scanned', () => {
  it('is taken where JSON.parse takes it, however it is cut', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), fc.integer({ min: 1, max: 9 }), (text, size) => {
        expect(scan(text, size)).toBeUndefined();
      }),
    );
  });

  it('is refused where JSON.parse refuses it', () => {
    const near = fc.array(
      fc.constantFrom(...'{}[]:,"\\ \n019.-+eEaun', 'true', 'false', 'null', '\\u00e9', '""', '"a":'),
      {
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(near, fc.integer({ min: 1, max: 3 }), (parts, size) => {
        const text = parts.join('');
        expect([text, scan(text, size) === undefined]).toEqual([text, parses(text)]);
      }),
      { numRuns: 20_000 },
    );
  });

  it('may be nested so deep and no deeper', () => {
    const deep = (n: number) => `${'['.repeat(n)}${']'.repeat(n)}`;
    expect(scan(deep(MAX_DEPTH))).toBeUndefined();
    expect(scan(deep(MAX_DEPTH + 1))).toBe('json_too_deep');
    expect(scan('['.repeat(64 * 1024 * 1024))).toBe('json_too_deep');
  });

  it('is UTF-8 without a byte order mark', () => {
    expect(scan('"é 😀"', 1)).toBeUndefined();
    expect(scan(Buffer.from([0x22, 0xff, 0x22]))).toBe('json_invalid');
    expect(scan('\ufeff{}')).toBe('json_invalid');
  });
});
