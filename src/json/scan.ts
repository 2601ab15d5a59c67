import { DataError } from '../errors.js';

/** Arrays and objects within one another. Tokenizers and configurations have some ten. */
export const MAX_DEPTH = 128;
/** Characters of one number; Python reads integers of at most 4300 digits. */
const MAX_NUMBER = 4300;

const WORD = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [ARRAY, ARRAY_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d];
const [U, ZERO] = [0x75, 0x30];
const ESCAPES = new Set([...'"\\/bfnrt'].map((char) => char.charCodeAt(0)));

/** What may come next. `first` is a value, or the end of an array; `key` a key, or where `first` the end of an object. */
type Next = 'value' | 'first-value' | 'key' | 'first-key' | 'colon' | 'after';

const isSpace = (c: number) => c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
const isDigit = (c: number) => c >= 0x30 && c <= 0x39;
const isHex = (c: number) => isDigit(c) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66);
/** Letters, digits, and what else stands in a number. */
const isWord = (c: number) =>
  isDigit(c) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || c === 0x2b || c === 0x2d || c === 0x2e;

/**
 * Checks that bytes are one JSON text (RFC 8259) as they come, in memory that does not grow with them: `JSON.parse`
 * takes minutes for megabytes of brackets, and ten times the file's memory for honest ones.
 */
export class JsonScan {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  /** The array or object at each depth. */
  private readonly open: number[] = [];
  private next: Next = 'value';
  private inString = false;
  private isKey = false;
  /** 0: none; 1: after a backslash; 2 to 5: that many less one hexadecimal digits to come. */
  private escape = 0;
  private word = '';
  private before = 0;

  /** @throws DataError `json_invalid` or `json_too_deep` */
  push(bytes: Uint8Array): void {
    try {
      this.decoder.decode(bytes, { stream: true });
    } catch {
      throw new DataError('json_invalid', `it is not UTF-8, somewhere after byte ${this.before}`);
    }
    for (let i = 0; i < bytes.length; i++) {
      const c = bytes[i];
      if (this.inString) i = this.characters(bytes, i);
      else if (isWord(c)) i = this.letters(bytes, i);
      else {
        if (this.word !== '') this.endWord(i);
        if (!isSpace(c)) this.sign(c, i);
      }
    }
    this.before += bytes.length;
  }

  /** @throws DataError `json_invalid` where the text is not complete */
  end(): void {
    if (this.word !== '') this.endWord(0);
    if (this.inString || this.next !== 'after' || this.open.length > 0)
      throw new DataError('json_invalid', `it ends too early, after ${this.before} bytes`);
  }

  /** Characters of a string from `at` on. @returns where the last one stands that was looked at */
  private characters(bytes: Uint8Array, at: number): number {
    let i = at;
    if (this.escape === 0)
      while (i < bytes.length && bytes[i] !== QUOTE && bytes[i] !== BACKSLASH && bytes[i] >= 0x20) i++;
    if (i < bytes.length) this.character(bytes[i], i);
    return i;
  }

  private character(c: number, at: number): void {
    if (this.escape === 1) {
      if (c !== U && !ESCAPES.has(c)) throw this.unexpected(c, at);
      this.escape = c === U ? 5 : 0;
    } else if (this.escape > 1) {
      if (!isHex(c)) throw this.unexpected(c, at);
      this.escape = this.escape === 2 ? 0 : this.escape - 1;
    } else if (c === BACKSLASH) this.escape = 1;
    else if (c === QUOTE) {
      this.inString = false;
      this.next = this.isKey ? 'colon' : 'after';
    } else throw this.unexpected(c, at);
  }

  /** A number or a literal, or what has come of it. @returns where its last character stands */
  private letters(bytes: Uint8Array, at: number): number {
    if (this.word === '' && this.next !== 'value' && this.next !== 'first-value') throw this.unexpected(bytes[at], at);
    let end = at;
    while (end < bytes.length && isDigit(bytes[end])) end++;
    // Nearly every number of a vocabulary: a whole one that ends here.
    if (
      this.word === '' &&
      end - at <= MAX_NUMBER &&
      end < bytes.length &&
      !isWord(bytes[end]) &&
      (bytes[at] !== ZERO || end === at + 1)
    ) {
      this.next = 'after';
      return end - 1;
    }
    while (end < bytes.length && isWord(bytes[end])) end++;
    if (this.word.length + end - at > MAX_NUMBER)
      throw new DataError('json_invalid', `a number has more than ${MAX_NUMBER} characters`);
    this.word += Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');
    return end - 1;
  }

  private endWord(at: number): void {
    if (!WORD.test(this.word))
      throw new DataError('json_invalid', `"${this.word.slice(0, 40)}" before byte ${this.before + at} is no value`);
    this.word = '';
    this.next = 'after';
  }

  private sign(c: number, at: number): void {
    const { next } = this;
    const isValue = next === 'value' || next === 'first-value';
    if (c === QUOTE && (isValue || next === 'key' || next === 'first-key')) {
      this.inString = true;
      this.isKey = !isValue;
    } else if ((c === ARRAY || c === OBJECT) && isValue) {
      if (this.open.push(c) > MAX_DEPTH)
        throw new DataError('json_too_deep', `its arrays and objects are nested more than ${MAX_DEPTH} deep`);
      this.next = c === ARRAY ? 'first-value' : 'first-key';
    } else if (c === ARRAY_END && (next === 'first-value' || (next === 'after' && this.open.at(-1) === ARRAY)))
      this.close();
    else if (c === OBJECT_END && (next === 'first-key' || (next === 'after' && this.open.at(-1) === OBJECT)))
      this.close();
    else if (c === COLON && next === 'colon') this.next = 'value';
    else if (c === COMMA && next === 'after' && this.open.length > 0)
      this.next = this.open.at(-1) === ARRAY ? 'value' : 'key';
    else throw this.unexpected(c, at);
  }

  private close(): void {
    this.open.pop();
    this.next = 'after';
  }

  private unexpected(c: number, at: number): DataError {
    const shown = c > 0x20 && c < 0x7f ? `"${String.fromCharCode(c)}"` : `byte 0x${c.toString(16).padStart(2, '0')}`;
    return new DataError('json_invalid', `unexpected ${shown} at byte ${this.before + at}`);
  }
}

/** Parse a text from outside. @throws DataError `json_invalid`, `json_too_deep`; the message begins with `subject` */
export function parseJson(text: string, subject: string): unknown {
  const scan = new JsonScan();
  try {
    if (text.startsWith('\ufeff')) throw new DataError('json_invalid', 'it begins with a byte order mark; remove it');
    scan.push(Buffer.from(text));
    scan.end();
  } catch (error) {
    throw notJson(error, subject);
  }
  return JSON.parse(text);
}

/** The error of a scan as a sentence about `subject`. */
export const notJson = (error: unknown, subject: string): unknown =>
  error instanceof DataError
    ? new DataError(error.code, `${subject} is not JSON that can be read: ${error.message}.`)
    : error;
