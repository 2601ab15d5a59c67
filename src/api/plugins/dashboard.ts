import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { publicly } from './access.js';
import { sendProblem } from './problems.js';

/** Files whose name holds a hash of their content never change: a year, the longest that caches honour. */
const IMMUTABLE = 'public, max-age=31536000, immutable';
const REVALIDATE = 'no-cache';

/** The built dashboard, seen from the sources and from the build; undefined where it was not built. */
const folder = ['../../../dist/dashboard/', '../../../dashboard/']
  .map((place) => fileURLToPath(new URL(place, import.meta.url)))
  .find((place) => existsSync(path.join(place, 'assets')));

/** The dashboard at `/`: static files, which need no key; whatever it shows it asks the API for. */
export const dashboard = publicly(async (app: FastifyInstance) => {
  if (!folder) {
    app.get('/', { schema: { hide: true } }, async (request, reply) =>
      sendProblem(
        request,
        reply,
        503,
        'dashboard_not_built',
        'The dashboard has not been built. Run npm run build, then start again. The API works; see /docs.',
      ),
    );
    return;
  }
  await app.register(staticFiles, {
    root: folder,
    wildcard: false, // only files that exist have a route; everything else stays a problem
    dotfiles: 'ignore',
    preCompressed: true,
    cacheControl: false,
    globIgnore: ['**/*.br'],
    setHeaders: (reply, file) => {
      const hashed = path.basename(path.dirname(file)) === 'assets';
      reply.header('cache-control', hashed ? IMMUTABLE : REVALIDATE);
    },
  });
});
