import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { allowedMethods } from '../allowed-methods.js';
import { pathOf, sendNotFound, sendProblem } from './problems.js';

/** Answer what no route takes, before a key is asked for or a body is read: 405 where the path has other methods, else 404. */
export const methods = fp(
  async (app: FastifyInstance) => {
    const allowed = allowedMethods(app);
    const refuse = (request: FastifyRequest, reply: FastifyReply, path: string) => {
      const takes = allowed.of(path);
      if (takes.length === 0) return sendNotFound(request, reply);
      reply.header('allow', takes.join(', '));
      if (request.method === 'OPTIONS') return reply.code(204).send();
      const detail = `${path} takes ${takes.join(', ')}, not ${request.method}. See /docs.`;
      return sendProblem(request, reply, 405, 'method_not_allowed', detail);
    };
    app.addHook('onRequest', (request, reply, done) => {
      const { url } = request.routeOptions;
      const path = pathOf(request);
      // Preflights have been answered; what else the route for them takes is nobody's.
      const taken = url !== undefined && url !== '*' && !(/[:*]/.test(url) && allowed.refuses(path, request.method));
      if (taken) done();
      else refuse(request, reply, path);
    });
  },
  { name: 'methods', dependencies: ['problems', 'security-headers'] },
);
