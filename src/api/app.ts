import { randomUUID } from 'node:crypto';
import { maxHeaderSize } from 'node:http';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { access } from './plugins/access.js';
import { audit } from './plugins/audit.js';
import { bodies } from './plugins/bodies.js';
import { dashboard } from './plugins/dashboard.js';
import { host } from './plugins/host.js';
import { methods } from './plugins/methods.js';
import { metrics } from './plugins/metrics.js';
import { openapi } from './plugins/openapi.js';
import { patient } from './plugins/patient.js';
import { problems, refusePath } from './plugins/problems.js';
import { publicPath } from './plugins/public-path.js';
import { rateLimits } from './plugins/rate-limit.js';
import { securityHeaders } from './plugins/security-headers.js';
import { tracing } from './plugins/tracing.js';
import { checkpointRoutes } from './routes/checkpoints.js';
import { deliveryRoutes } from './routes/deliveries.js';
import { eventRoutes } from './routes/events.js';
import { jobRoutes } from './routes/jobs.js';
import { operationRoutes, workerRoutes } from './routes/operations.js';
import { resultRoutes } from './routes/results.js';
import { uploadRoutes } from './routes/uploads.js';
import type { Services } from './services.js';
import { refuseUnreadable, takeFromNode } from './unreadable-request.js';

/** A socket on which nothing moves for this long is closed, in an upload or between requests. */
const IDLE_SOCKET_MS = 120_000;
/** A whole request, body included: bounds slow clients, leaves room for checkpoints of hundreds of gigabytes. */
const REQUEST_MS = 24 * 3600_000;
/** Headers must be complete this long after they began; looked at so often, slow clients are gone within 15 s. */
const HEADERS_MS = 10_000;
const CONNECTION_CHECK_MS = 2_000;

/** The API over given services. No I/O of its own: tests inject requests without a port. */
export async function buildApp(services: Services, logger?: FastifyBaseLogger): Promise<FastifyInstance> {
  const app = Fastify({
    ...(logger ? { loggerInstance: logger } : { logger: false }),
    bodyLimit: services.config.BODY_LIMIT_BYTES,
    connectionTimeout: IDLE_SOCKET_MS,
    requestTimeout: REQUEST_MS,
    http: {
      headersTimeout: HEADERS_MS,
      connectionsCheckingInterval: CONNECTION_CHECK_MS,
      requireHostHeader: false, // `host` looks
    },
    genReqId: () => randomUUID(),
    logController: new LogController({ requestIdLogLabel: 'request_id' }),
    trustProxy: services.config.TRUST_PROXY.length > 0 && services.config.TRUST_PROXY,
    // Beyond what headers may have in all: names too long are the schemas' to refuse.
    routerOptions: { maxParamLength: maxHeaderSize },
    frameworkErrors: refusePath,
    clientErrorHandler: refuseUnreadable,
  }).withTypeProvider<ZodTypeProvider>();
  takeFromNode(app as unknown as FastifyInstance);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  // Streams of events would keep their connections, and the server, open for as long as jobs run.
  app.addHook('preClose', async () => services.jobs.feeds.close());
  await app.register(problems(services.config));
  await app.register(patient);
  await app.register(securityHeaders(services.config));
  await app.register(publicPath(services));
  await app.register(host);
  await app.register(methods);
  await app.register(access(services));
  await app.register(rateLimits(services));
  await app.register(audit);
  await app.register(bodies);
  await app.register(tracing(services));
  await app.register(openapi);
  await app.register(metrics(services));
  await app.register(dashboard);
  await app.register(operationRoutes(services));
  await app.register(
    async (v1) => {
      await v1.register(jobRoutes(services));
      await v1.register(eventRoutes(services));
      await v1.register(deliveryRoutes(services));
      await v1.register(resultRoutes(services));
      await v1.register(checkpointRoutes(services));
      await v1.register(uploadRoutes(services));
      await v1.register(workerRoutes(services));
    },
    { prefix: '/v1' },
  );
  return app as unknown as FastifyInstance;
}
