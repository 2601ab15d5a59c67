import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { isLoopback } from '../../access/loopback.js';
import { WeightfoldError } from '../../errors.js';
import type { Services } from '../services.js';

const WINDOW_MS = 60_000;
/** Keys and addresses counted at a time; the one silent for longest is forgotten. */
const CALLERS = 10_000;

/** At most so many requests a minute of one key, or of one address where there are no keys; none on a machine of one's own. */
export const rateLimits = ({ config, keys }: Pick<Services, 'config' | 'keys'>) =>
  fp(
    async (app: FastifyInstance) => {
      const { RATE_LIMIT_PER_MINUTE: max } = config;
      if (max === 0) return;
      const loopback = isLoopback(config.HOST);
      await app.register(rateLimit, {
        max,
        timeWindow: WINDOW_MS,
        cache: CALLERS,
        enableDraftSpec: true,
        keyGenerator: ({ apiKey, ip }) => apiKey?.id ?? ip,
        // `access` has just asked.
        allowList: () => loopback && keys.existNow() === false,
        errorResponseBuilder: (_request, { ttl }) =>
          new WeightfoldError(`More than ${max} requests in a minute (RATE_LIMIT_PER_MINUTE).`, {
            code: 'rate_limited',
            status: 429,
            retryable: true,
            retryAfter: Math.ceil(ttl / 1000),
          }),
      });
    },
    { name: 'rate-limits', dependencies: ['access'] },
  );
