import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Asks for something to be computed and changes nothing, though it is a POST. */
    changesNothing?: boolean;
  }
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** One line in the log per change that was asked for: who, what, of which resource, and how it went. */
export const audit = fp(
  async (app: FastifyInstance) => {
    // Whatever LOG_LEVEL leaves out, this it does not; `silent` is meant.
    const log = app.log.level === 'silent' ? app.log : app.log.child({}, { level: 'info' });
    app.addHook('onResponse', (request, reply, done) => {
      const { config, url } = request.routeOptions;
      const changes = !SAFE_METHODS.has(request.method) && !config.changesNothing && url !== undefined;
      if (changes) log.info({ request_id: request.id, audit: describe(request, reply) }, 'audit');
      done();
    });
  },
  { name: 'audit' },
);

function resourceOf(request: FastifyRequest, reply: FastifyReply): string {
  const [path] = request.url.split('?');
  const location = reply.getHeader('location');
  if (location === undefined) return path;
  // The logs know paths as the service does, without what a proxy puts before them.
  return new URL(String(location), `http://localhost${request.publicPath}${path}`).pathname.slice(
    request.publicPath.length,
  );
}

function describe(request: FastifyRequest, reply: FastifyReply) {
  const { schema, url } = request.routeOptions;
  const { operationId } = (schema ?? {}) as { operationId?: string };
  const { apiKey } = request;
  return {
    action: operationId ?? `${request.method} ${url}`,
    key: apiKey && { id: apiKey.id, name: apiKey.name },
    address: request.ip,
    // What was made is known by where it is now.
    resource: resourceOf(request, reply),
    outcome: reply.statusCode < 400 ? 'done' : reply.statusCode < 500 ? 'refused' : 'failed',
    status: reply.statusCode,
    code: request.problemCode,
  };
}
