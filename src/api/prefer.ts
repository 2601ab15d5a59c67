/** Preferences between commas, which quoted values may hold too. */
const PREFERENCES = /(?:[^,"]|"(?:\\.|[^"\\])*")+/g;

/**
 * Seconds of the `wait` preference (RFC 7240, section 4.3), at most `most`; undefined where there is none or its value
 * is no number of seconds: a preference that is not understood is ignored. Of several the first counts.
 */
export function preferredWait(header: string | readonly string[] | undefined, most: number): number | undefined {
  const preferences = [header ?? []].flat().join(',').match(PREFERENCES) ?? [];
  const wait = preferences.map((text) => /^\s*wait\s*(?:=\s*([^;]*?)\s*)?(?:;|$)/i.exec(text)).find((found) => found);
  const value = /^(?:(\d+)|"(\d+)")$/.exec(wait?.[1] ?? '');
  return value ? Math.min(Number(value[1] ?? value[2]), most) : undefined;
}
