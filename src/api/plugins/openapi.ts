import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { VERSION } from '../../version.js';
import { tidyDocument } from './openapi-document.js';

const DESCRIPTION =
  'Merge trained models into one of a chosen width. Upload checkpoints (safetensors), submit a job, poll it, ' +
  'download the merged weights and their error metrics. Every error is application/problem+json with a stable `code`.';

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
          { name: 'operations', description: 'Health.' },
        ],
      },
      transform: jsonSchemaTransform,
      transformObject: tidyDocument,
    });
    await app.register(swaggerUi, { routePrefix: '/docs' });
    app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  },
  { name: 'openapi' },
);
