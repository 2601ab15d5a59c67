import { isLosslessNumber, LosslessNumber, parse, stringify } from 'lossless-json';

/** What a decimal point or an exponent says: a float, for readers that tell one from an integer. */
const FLOAT = /[.eE]/;

/**
 * JSON of `value`, indented, whose numbers are written as they are in `original`, the JSON text it was made from.
 * A number with the same key and value keeps its text: 1.0, 1e-05, or more digits than a JavaScript number holds. A
 * changed number stays a float where the original is one. transformers refuses an integer where it expects a float.
 * @param value plain JSON data
 * @throws SyntaxError where `original` is not JSON
 */
export function stringifyAs(original: string, value: unknown): string {
  // As JSON.parse does, the last of two equal keys counts.
  const spelled = parse(original, null, { onDuplicateKey: ({ newValue }) => newValue });
  return stringify(withSpelling(value, spelled), null, 2) as string;
}

function withSpelling(value: unknown, original: unknown): unknown {
  if (typeof value === 'number') return isLosslessNumber(original) ? spelling(value, original) : value;
  if (Array.isArray(value)) {
    const items = Array.isArray(original) ? original : [];
    return value.map((item, i) => withSpelling(item, items[i]));
  }
  if (typeof value !== 'object' || value === null) return value;
  const fields = isRecord(original) ? original : {};
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      withSpelling(item, Object.hasOwn(fields, key) ? fields[key] : undefined),
    ]),
  );
}

function spelling(value: number, original: LosslessNumber): LosslessNumber {
  const text = original.toString();
  if (Number(text) === value) return original;
  const own = JSON.stringify(value);
  return new LosslessNumber(FLOAT.test(text) && !FLOAT.test(own) ? `${own}.0` : own);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isLosslessNumber(value);
