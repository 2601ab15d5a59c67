import type { FastifyInstance } from 'fastify';

/** `/jobs/:id` takes any one segment for the parameter, `/static/*` anything. */
const matcher = (pattern: string) =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/:[^/]+/g, '[^/]+')
      .replaceAll('*', '.*')}$`,
  );

export interface AllowedMethods {
  /** Methods that a path takes, in alphabetical order; none where there is no such path. */
  of: (path: string) => string[];
  /**
   * Whether a path is a route of its own that does not take a method: one with parameters must not take it instead, as
   * `/jobs/plan` is no `/jobs/:id`.
   */
  refuses: (path: string, method: string) => boolean;
}

/** The methods of the routes that are registered from now on. */
export function allowedMethods(app: FastifyInstance): AllowedMethods {
  const routes = new Map<string, { takes: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    if (url === '*') return; // what answers preflights is no path of its own
    const route = routes.get(url) ?? { takes: matcher(url), methods: new Set() };
    for (const one of [method].flat()) route.methods.add(one);
    routes.set(url, route);
  });
  return {
    of: (path) => {
      const own = routes.get(path);
      const found = own ? [own] : [...routes.values()].filter(({ takes }) => takes.test(path));
      return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
    },
    refuses: (path, method) => routes.get(path)?.methods.has(method) === false,
  };
}
