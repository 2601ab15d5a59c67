/**
 * Characters that do something instead of being shown: C0 and C1 controls (escape sequences, line breaks), line and
 * paragraph separators, and what turns the direction of text. Terminals obey them, pages reorder by them.
 */
const CONTROLS = String.raw`\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069`;

/** A text without them, as a pattern that other languages read as well. */
export const PRINTABLE = new RegExp(`^[^${CONTROLS}]*$`);
export const PRINTABLE_RULE = 'must not contain control characters, line breaks or marks of text direction';

const ANY_CONTROL = new RegExp(`[${CONTROLS}]`, 'g');
const CONTROLS_BUT_BREAKS = new RegExp(`(?!\n)[${CONTROLS}]`, 'g');

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** On one line, controls shown as JSON writes them. */
export const inOneLine = (text: string): string => text.replace(ANY_CONTROL, escaped);

/** As `inOneLine`, with the line breaks left: for texts whose parts were escaped before, and for JSON. */
export const inLines = (text: string): string => text.replace(CONTROLS_BUT_BREAKS, escaped);
