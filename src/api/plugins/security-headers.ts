import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import helmet from 'helmet';
import type { Config } from '../../config.js';

/** What browsers may load for the service's own pages: nothing from elsewhere, and no script inside a page. */
const CONTENT_SECURITY_POLICY = {
  'default-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'style-src': ["'self'", "'unsafe-inline'"],
  'connect-src': ["'self'"],
  'object-src': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'self'"],
};
/** Beside those that every reply may show: what clients of the API read. */
const EXPOSED_HEADERS = [
  ...[
    'location',
    'etag',
    'retry-after',
    'allow',
    'repr-digest',
    'content-range',
    'content-disposition',
    'www-authenticate',
    'preference-applied',
  ],
  ...['x-request-id', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
  ...[
    'upload-offset',
    'upload-length',
    'upload-expires',
    'upload-metadata',
    'tus-resumable',
    'tus-version',
    'tus-extension',
    'tus-max-size',
  ],
];
/** Browsers ask again before a request to another origin after this long. */
const PREFLIGHT_SECONDS = 600;

/** What helmet says of a reply, asked once: it is the same for all of them. */
function helmetHeaders(): Map<string, string> {
  const headers = new Map<string, string>();
  const reply = {
    setHeader: (name: string, value: string) => headers.set(name, value),
    removeHeader: (name: string) => headers.delete(name),
  };
  const ask = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY },
    // For whoever ends TLS to decide: it binds the whole host name, and this service speaks HTTP.
    strictTransportSecurity: false,
    // Browsers ignore both, with an error in the console, on plain HTTP beyond localhost.
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
  });
  ask({} as IncomingMessage, reply as unknown as ServerResponse, (error) => {
    if (error) throw error;
  });
  return headers;
}

/** Headers that keep browsers from harm, and CORS for the origins that are named. */
export const securityHeaders = ({ CORS_ORIGINS: origins }: Config) =>
  fp(
    async (app: FastifyInstance) => {
      const headers = helmetHeaders();
      app.addHook('onRequest', (_request, reply, done) => {
        for (const [name, value] of headers) reply.raw.setHeader(name, value);
        done();
      });
      if (origins.length === 0) return;
      await app.register(cors, {
        delegator: ({ headers }, answer) =>
          answer(null, {
            origin: origins.includes('*') ? '*' : origins,
            methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
            exposedHeaders: EXPOSED_HEADERS,
            maxAge: PREFLIGHT_SECONDS,
            // Any other OPTIONS is a question about the resource, of tus clients for one.
            preflight: headers.origin !== undefined && headers['access-control-request-method'] !== undefined,
          }),
      });
    },
    { name: 'security-headers' },
  );
