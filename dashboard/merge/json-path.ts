export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
export type Path = readonly (string | number)[];

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** RFC 6901 pointer of a path. */
export const pointerOf = (path: Path) =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** What stands at a path; undefined where there is nothing. */
export function at(root: Json | undefined, path: Path): Json | undefined {
  let value = root;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else if (isObject(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

/**
 * The same with `value` at a path; undefined removes it. Objects on the way are made, and those that a removal leaves
 * empty go too: an empty part of a spec says nothing.
 */
export function put(root: Json | undefined, path: Path, value: Json | undefined): Json | undefined {
  if (path.length === 0) return value;
  const [part, ...rest] = path;
  if (Array.isArray(root)) {
    const next = put(root[Number(part)], rest, value);
    if (next === undefined) return root.filter((_, n) => n !== Number(part));
    return Object.assign([...root], { [part]: next });
  }
  const object = isObject(root) ? root : {};
  const next = put(object[part], rest, value);
  if (next !== undefined) return { ...object, [part]: next };
  const { [part]: _, ...kept } = object;
  return Object.keys(kept).length > 0 ? kept : undefined;
}
