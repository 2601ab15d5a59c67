import { STATUS_CODES } from 'node:http';
import { jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { Json, JsonObject } from './json.js';
import { completeOperation, describeHeaders } from './operation-extras.js';
import { PROBLEM_TYPE } from './problems.js';

const isObject = (value: Json | undefined): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** Generators make 32 bits of an integer without a format, too few for sizes of files. */
const INT64 = { format: 'int64' };

/** Integers up to those that JSON carries exactly, which zod states as their maximum, are given the format for it. */
function withFormats(value: Json): Json {
  if (Array.isArray(value)) return value.map(withFormats);
  if (!isObject(value)) return value;
  const whole = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withFormats(item)]));
  return value.type === 'integer' && value.maximum === Number.MAX_SAFE_INTEGER ? { ...whole, ...INT64 } : whole;
}

const COMPONENT = '#/components/schemas/';

/** Values of a property that is fixed to one or to a few of them. */
function fixedValues(schema: Json | undefined, property: string): string[] {
  const described = isObject(schema) && isObject(schema.properties) ? schema.properties[property] : undefined;
  if (!isObject(described)) return [];
  return [described.const ?? described.enum ?? []].flat().filter((value) => typeof value === 'string');
}

/** What tells the alternatives of a `oneOf` apart, for generators that need to be told; undefined where nothing does. */
function discriminatorOf(alternatives: Json[], schemas: JsonObject): JsonObject | undefined {
  const references = alternatives.map((one) => (isObject(one) && typeof one.$ref === 'string' ? one.$ref : ''));
  const targets = references.map((reference) => schemas[reference.slice(COMPONENT.length)]);
  const properties = isObject(targets[0]) && isObject(targets[0].properties) ? Object.keys(targets[0].properties) : [];
  for (const propertyName of properties) {
    const values = targets.map((target) => fixedValues(target, propertyName));
    const all = values.flat();
    if (values.some((some) => some.length === 0) || new Set(all).size !== all.length) continue;
    const mapping = Object.fromEntries(values.flatMap((some, i) => some.map((value) => [value, references[i]])));
    return { propertyName, mapping };
  }
  return undefined;
}

function withDiscriminators(value: Json, schemas: JsonObject): Json {
  if (Array.isArray(value)) return value.map((item) => withDiscriminators(item, schemas));
  if (!isObject(value)) return value;
  const whole = Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withDiscriminators(item, schemas)]),
  );
  const discriminator = Array.isArray(value.oneOf) ? discriminatorOf(value.oneOf, schemas) : undefined;
  return discriminator ? { ...whole, discriminator } : whole;
}

/** Names of components of one kind (`schemas`, `responses`) that `value` refers to, directly. */
function referencesIn(value: Json, kind: string, found = new Set<string>()): Set<string> {
  const prefix = `#/components/${kind}/`;
  if (Array.isArray(value)) for (const item of value) referencesIn(item, kind, found);
  else if (isObject(value))
    for (const [key, item] of Object.entries(value)) {
      if (key === '$ref' && typeof item === 'string') {
        if (item.startsWith(prefix)) found.add(item.slice(prefix.length));
      } else referencesIn(item, kind, found);
    }
  return found;
}

/** The schemas that operations reach; every schema is registered in an input and an output form. */
function reachedSchemas(schemas: JsonObject, from: Json): JsonObject {
  const reached = new Set<string>();
  const visit = (names: Set<string>) => {
    for (const name of names) {
      if (reached.has(name) || !(name in schemas)) continue;
      reached.add(name);
      visit(referencesIn(schemas[name], 'schemas'));
    }
  };
  visit(referencesIn(from, 'schemas'));
  const kept = Object.entries(schemas).filter(([name]) => reached.has(name));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const INPUT = 'Input';

/**
 * The document with one schema where input and output forms are the same: `XInput` goes where it equals `X` once all
 * such pairs are taken for one (the greatest fixed point, so that pairs may refer to each other).
 */
function withoutTwins(document: JsonObject): JsonObject {
  const { schemas } = document.components as { schemas: JsonObject };
  const twins = new Set(
    Object.keys(schemas).filter((name) => name.endsWith(INPUT) && name.slice(0, -INPUT.length) in schemas),
  );
  const unified = (value: Json) =>
    JSON.stringify(value).replaceAll(/("#\/components\/schemas\/\w+)Input"/g, (whole, start: string) =>
      twins.has(`${start.split('/').at(-1)}${INPUT}`) ? `${start}"` : whole,
    );
  for (let before = -1; before !== twins.size; ) {
    before = twins.size;
    for (const name of twins)
      if (unified(schemas[name]) !== unified(schemas[name.slice(0, -INPUT.length)])) twins.delete(name);
  }
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => !twins.has(name)));
  return JSON.parse(unified({ ...document, components: { ...(document.components as JsonObject), schemas: kept } }));
}

/** `Payload Too Large` → `PayloadTooLarge`. */
const responseName = (status: string) => (STATUS_CODES[status] ?? `Status${status}`).replaceAll(/[^A-Za-z]/g, '');

/** Refusals that say when to come again. */
const RETRIED = new Set(['429', '503', '507']);
const RETRY_AFTER = describeHeaders(['retry-after']);

/** Problem responses as components, one per status; what Fastify calls a default response gets the status's name. */
function shareResponses(responses: JsonObject, shared: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => {
      if (!isObject(response)) return [status, response];
      if (isObject(response.content) && PROBLEM_TYPE in response.content) {
        shared[responseName(status)] = RETRIED.has(status) ? { ...response, headers: RETRY_AFTER } : response;
        return [status, { $ref: `#/components/responses/${responseName(status)}` }];
      }
      const unnamed = response.description === 'Default Response';
      return [status, unnamed ? { ...response, description: STATUS_CODES[status] ?? 'Response' } : response];
    }),
  );
}

/** The finished document: schemas and problem responses as components, each once, and what no operation reaches dropped. */
export function tidyDocument(documentObject: Parameters<typeof jsonSchemaTransformObject>[0]) {
  const document = withoutTwins(
    withFormats(jsonSchemaTransformObject(documentObject) as unknown as Json) as JsonObject,
  );
  const components = (document.components ?? {}) as JsonObject;
  const responses: JsonObject = {};
  const paths = Object.fromEntries(
    Object.entries((document.paths ?? {}) as JsonObject).map(([path, operations]) => [
      path,
      Object.fromEntries(
        Object.entries(operations as JsonObject).map(([method, operation]) => {
          const whole = completeOperation(operation as JsonObject);
          return [method, { ...whole, responses: shareResponses(whole.responses as JsonObject, responses) }];
        }),
      ),
    ]),
  );
  const reached = reachedSchemas((components.schemas ?? {}) as JsonObject, [paths, responses]);
  const schemas = withDiscriminators(reached, reached);
  const sorted = Object.fromEntries(Object.entries(responses).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { ...document, components: { ...components, schemas, responses: sorted }, paths } as never;
}
