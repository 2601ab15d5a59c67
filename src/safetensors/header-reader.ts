import { SafetensorsError } from './error.js';

/**
 * A reader for the small JSON grammar of safetensors headers (objects of strings, integers and flat integer arrays).
 * `JSON.parse` would keep the last of two equal keys and build objects whose keys an attacker chooses.
 */
export class HeaderReader {
  private at = 0;
  private readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  peek(): string {
    this.space();
    return this.text[this.at] ?? '';
  }

  object(entry: (key: string) => void): void {
    this.expect('{');
    if (this.peek() === '}') {
      this.at++;
      return;
    }
    for (;;) {
      if (this.peek() !== '"') throw this.invalid('a key');
      const key = this.string();
      this.expect(':');
      entry(key);
      const next = this.peek();
      this.at++;
      if (next === '}') return;
      if (next !== ',') throw this.invalid('"," or "}"');
    }
  }

  string(): string {
    const start = this.at;
    let plain = true;
    for (let i = start + 1; i < this.text.length; i++) {
      const c = this.text.charCodeAt(i);
      if (c === 0x5c) {
        plain = false;
        i++;
      } else if (c < 0x20) break;
      else if (c === 0x22) {
        this.at = i + 1;
        // Nearly every string: nothing to decode, and a third of the time.
        if (plain) return this.text.slice(start + 1, i);
        try {
          return JSON.parse(this.text.slice(start, i + 1)) as string;
        } catch {
          break;
        }
      }
    }
    throw this.invalid('a string');
  }

  /** A flat array of at most `most` whole numbers below 2⁵³. */
  integers(most: number, error: () => Error): number[] {
    this.expect('[');
    const values: number[] = [];
    if (this.peek() === ']') {
      this.at++;
      return values;
    }
    for (;;) {
      this.space();
      const start = this.at;
      while (this.text.charCodeAt(this.at) >= 0x30 && this.text.charCodeAt(this.at) <= 0x39) this.at++;
      const digits = this.text.slice(start, this.at);
      const value = Number(digits);
      if (digits === '' || (digits.length > 1 && digits[0] === '0') || !Number.isSafeInteger(value)) throw error();
      if (values.length === most) throw error();
      values.push(value);
      const next = this.peek();
      this.at++;
      if (next === ']') return values;
      if (next !== ',') throw error();
    }
  }

  end(): void {
    this.space();
    if (this.at !== this.text.length) throw this.invalid('the end of the header');
  }

  private expect(char: string): void {
    if (this.peek() !== char) throw this.invalid(`"${char}"`);
    this.at++;
  }

  private space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.at++;
    }
  }

  private invalid(expected: string): SafetensorsError {
    return new SafetensorsError('header_invalid_json', `expected ${expected} at character ${this.at} of the header.`);
  }
}
