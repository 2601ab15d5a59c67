import { jsonSchemaTransformObject } from 'fastify-type-provider-zod';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** zod states the range of safe integers on every integer; in a contract that is noise. */
const isSafeBound = (key: string, value: Json) =>
  (key === 'maximum' && value === Number.MAX_SAFE_INTEGER) || (key === 'minimum' && value === Number.MIN_SAFE_INTEGER);

function withoutNoise(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNoise);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (isSafeBound(key, item) ? [] : [[key, withoutNoise(item)]])),
  );
}

/** Names of components that `value` refers to, directly. */
function referencesIn(value: Json, found: Set<string>): Set<string> {
  if (Array.isArray(value)) for (const item of value) referencesIn(item, found);
  else if (value !== null && typeof value === 'object')
    for (const [key, item] of Object.entries(value)) {
      if (key === '$ref' && typeof item === 'string') found.add(item.replace('#/components/schemas/', ''));
      else referencesIn(item, found);
    }
  return found;
}

/**
 * The finished document: zod's schemas as components, each once. Every schema is registered in an input and an output
 * form; those that no operation reaches are dropped.
 */
export function tidyDocument(documentObject: Parameters<typeof jsonSchemaTransformObject>[0]) {
  const document = withoutNoise(jsonSchemaTransformObject(documentObject) as unknown as Json) as JsonObject;
  const components = (document.components ?? {}) as JsonObject;
  const schemas = (components.schemas ?? {}) as JsonObject;
  const reached = new Set<string>();
  const visit = (names: Set<string>) => {
    for (const name of names) {
      if (reached.has(name) || !(name in schemas)) continue;
      reached.add(name);
      visit(referencesIn(schemas[name], new Set()));
    }
  };
  visit(referencesIn((document.paths ?? {}) as Json, new Set()));
  const kept = Object.entries(schemas).filter(([name]) => reached.has(name));
  return {
    ...document,
    components: { ...components, schemas: Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1))) },
  } as never;
}
