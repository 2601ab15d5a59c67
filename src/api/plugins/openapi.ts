import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { VERSION } from '../../version.js';
import { problemResponses } from '../problem-responses.js';
import { publicly } from './access.js';
import { tidyDocument } from './openapi-document.js';

const DESCRIPTION =
  'Merge trained models into one of a chosen width. Upload checkpoints (safetensors), submit a job, poll it, ' +
  'download the merged weights and their error metrics. Every error is application/problem+json with a stable `code`: ' +
  'those of each operation, and for any request 405 (`Allow` names the methods), 408, 415, 431 and 503.';

const API_KEY = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'wf_…',
  description:
    'An API key with the scope that is named, or one that includes it: `read`, `submit` (jobs and uploads), `admin` (deletes). ' +
    'A service on a loopback address that has no keys asks for none.',
} as const;

/** What every route has in common by the scope it asks for: the key, and the refusals that come before its own. */
function withAccess<R extends Parameters<typeof jsonSchemaTransform>[0] & { route: RouteOptions }>(described: R): R {
  const { schema, route } = described;
  const scope = route.config?.scope;
  if (!schema || schema.hide || scope === undefined) return described;
  const limited = route.config?.rateLimit === false ? {} : problemResponses(429);
  const response = {
    ...(schema.response as object),
    ...(scope === 'public' ? {} : problemResponses(401, 403)),
    ...limited,
  };
  return { ...described, schema: { ...schema, response, security: scope === 'public' ? [] : [{ apiKey: [scope] }] } };
}

/** The document as it is for a client: servers are named by the path that it reaches this one by. */
const servedTo = (document: object, { publicPath }: FastifyRequest) => ({
  ...document,
  servers: [{ url: publicPath || '/', description: 'This server' }],
});

/** The contract, generated from the zod schemas: `/openapi.json`, and a page to read and try it at `/docs`. */
export const openapi = fp(
  async (app: FastifyInstance) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'weightfold',
          version: VERSION,
          description: DESCRIPTION,
          license: { name: 'MIT', identifier: 'MIT' },
        },
        servers: [{ url: '/', description: 'This server' }],
        tags: [
          { name: 'jobs', description: 'Submit, follow and control merges.' },
          { name: 'results', description: 'Metrics and merged weights.' },
          { name: 'checkpoints', description: 'Uploaded models.' },
          { name: 'uploads', description: 'Uploads that can be resumed (tus 1.0).' },
          { name: 'operations', description: 'Health and workers.' },
        ],
        components: { securitySchemes: { apiKey: API_KEY } },
      },
      transform: (route) => jsonSchemaTransform(withAccess(route)),
      transformObject: tidyDocument,
    });
    const pages = {
      routePrefix: '/docs',
      // Relative, so that the service may stand below a path of a proxy.
      indexPrefix: '.',
      transformSpecification: servedTo,
      transformSpecificationClone: false,
    };
    await app.register(publicly((docs) => docs.register(swaggerUi, pages)));
    app.get('/openapi.json', { config: { scope: 'public' }, schema: { hide: true } }, async (request) =>
      servedTo(app.swagger(), request),
    );
  },
  { name: 'openapi' },
);
