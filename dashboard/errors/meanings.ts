import table from '../../docs/errors.md?raw';

export interface Meaning {
  codes: string[];
  status: string;
  meaning: string;
}

/** The rows of docs/errors.md: the page says what the documentation says. */
export const MEANINGS: readonly Meaning[] = table
  .split('\n')
  .filter((line) => /^\|\s*`/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, codes, status, meaning]) => ({
    codes: [...codes.matchAll(/`([^`]+)`/g)].map(([, code]) => code),
    status,
    meaning: meaning.replaceAll('`', ''),
  }));

/** What a code means; undefined where the documentation does not say. */
export const meaningOf = (code: string) => MEANINGS.find(({ codes }) => codes.includes(code));
