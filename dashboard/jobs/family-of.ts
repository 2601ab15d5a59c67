import type { JobSpec } from '../api/types.js';

/** What kind of job a spec asks for, in a word or two. */
export function familyOf({ model, compare, target }: JobSpec): string {
  const family =
    model.family === 'custom' ? 'custom transformer' : model.family === 'auto' ? 'transformer' : model.family;
  if (compare) return `${family}, comparison`;
  return target?.hidden_size ? `${family} → ${target.hidden_size}` : family;
}

/** What is merged: names of the sources. */
export const sourcesOf = ({ sources }: JobSpec): string[] =>
  sources.map((source) => ('checkpoint' in source ? source.checkpoint : source.uri.replace(/^file:\/\//, '')));

/** What a job is called: its name, or what it merges. */
export const titleOf = ({ name, spec }: { name: string | null; spec: JobSpec }) =>
  name ?? [...new Set(sourcesOf(spec))].join(' + ');
