import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { ApiKey } from '../../access/api-key.js';
import { bearerKey } from '../../access/bearer.js';
import { isLoopback } from '../../access/loopback.js';
import { allows, type RouteScope } from '../../access/scopes.js';
import { WeightfoldError } from '../../errors.js';
import type { Services } from '../services.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route. Every route says so: the app does not start with one that does not. */
    scope?: RouteScope;
  }
  interface FastifyRequest {
    /** The key the request came with, where keys are required. */
    apiKey: ApiKey | null;
  }
}

/** A plugin all of whose routes answer everybody: pages and the files they are made of. */
export const publicly =
  (register: (app: FastifyInstance) => PromiseLike<unknown>) =>
  async (app: FastifyInstance): Promise<void> => {
    app.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'public' };
    });
    await register(app);
  };

/** Let a request in by the scope its route asks for and the scope of its key. */
export const access = ({ config, keys }: Pick<Services, 'config' | 'keys'>) => {
  const exposed = !isLoopback(config.HOST) && !config.ALLOW_NO_KEYS;
  return fp(
    async (app: FastifyInstance) => {
      app.decorateRequest('apiKey', null);
      refuseUndeclaredRoutes(app);
      let known: string | undefined; // the Host that was let in last: of nearly every request
      const admit = async (request: FastifyRequest, reply: FastifyReply, scope: RouteScope | undefined) => {
        if (!exposed && !(await keys.exist())) {
          const { host = '' } = request.raw.headers;
          if (host !== known) refuseForeignName(host, config.ALLOW_NO_KEYS);
          known = host;
          return;
        }
        const key = await identify(request, reply, (presented) => keys.find(presented));
        request.apiKey = key;
        if (scope !== undefined && scope !== 'public' && allows(key.scope, scope)) return;
        reply.header('www-authenticate', `${challenge}, error="insufficient_scope", scope="${scope}"`);
        throw new WeightfoldError(`Key "${key.name}" has the scope ${key.scope}; this needs ${scope}.`, {
          code: 'forbidden',
          status: 403,
        });
      };
      app.addHook('onRequest', (request, reply, done) => {
        const { scope } = request.routeOptions.config;
        // Preflights and the protocol's own questions carry no credentials, and change nothing.
        if (scope === 'public' || request.method === 'OPTIONS') return done();
        admit(request, reply, scope).then(() => done(), done);
      });
    },
    { name: 'access' },
  );
};

const challenge = 'Bearer realm="weightfold"';

function refuseUndeclaredRoutes(app: FastifyInstance): void {
  const routes: { method: string | string[]; url: string; config?: { scope?: RouteScope } }[] = [];
  app.addHook('onRoute', (route) => void routes.push(route));
  app.addHook('onReady', async () => {
    const open = routes.find(({ method, config }) => config?.scope === undefined && `${method}` !== 'OPTIONS');
    if (open) throw new Error(`Route ${open.method} ${open.url} declares no scope (config.scope).`);
  });
}

async function identify(
  request: FastifyRequest,
  reply: FastifyReply,
  find: (presented: string) => Promise<ApiKey | undefined>,
): Promise<ApiKey> {
  const { authorization } = request.headers;
  const refuse = (detail: string, error = '') => {
    reply.header('www-authenticate', `${challenge}${error}`);
    return new WeightfoldError(`${detail} Send a key as "Authorization: Bearer wf_…".`, {
      code: 'unauthorized',
      status: 401,
    });
  };
  if (authorization === undefined) throw refuse('This needs an API key.');
  const presented = bearerKey(authorization);
  if (presented === undefined)
    throw refuse('The Authorization header holds no bearer key.', ', error="invalid_request"');
  const key = await find(presented);
  if (!key) throw refuse('The API key is unknown, or was revoked.', ', error="invalid_token"');
  return key;
}

/**
 * Without keys the service is for this machine alone. A web page elsewhere could reach it through a name of its own that
 * resolves to 127.0.0.1 (DNS rebinding); the Host header gives that away.
 */
function refuseForeignName(host: string, anyName: boolean): void {
  const name = host.replace(/:\d+$/, '');
  if (anyName || isLoopback(name)) return;
  throw new WeightfoldError(
    `Without API keys this service answers on this machine's own names only, such as localhost; the request was for "${name.slice(0, 200)}". ` +
      'Make an API key for it, or set ALLOW_NO_KEYS=true behind a proxy that checks access itself.',
    { code: 'host_not_allowed', status: 403 },
  );
}
