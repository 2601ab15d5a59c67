import type { FastifyInstance } from 'fastify';

/** `/jobs/:id` takes any one segment for the parameter, `/static/*` anything. */
const matcher = (pattern: string) =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/:[^/]+/g, '[^/]+')
      .replaceAll('*', '.*')}$`,
  );

/**
 * Methods that a path takes, in alphabetical order, by the routes registered from now on; none where there is no such
 * path. Looked up only for requests that no route takes.
 */
export function allowedMethods(app: FastifyInstance): (path: string) => string[] {
  const routes = new Map<string, { takes: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    if (url === '*') return; // what answers preflights is no path of its own
    const route = routes.get(url) ?? { takes: matcher(url), methods: new Set() };
    for (const one of [method].flat()) route.methods.add(one);
    routes.set(url, route);
  });
  return (path) => {
    const found = [...routes.values()].filter(({ takes }) => takes.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  };
}
