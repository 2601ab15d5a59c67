import proxyAddr from '@fastify/proxy-addr';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Services } from '../services.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Path below which a trusted proxy publishes the service, such as `/weightfold`; empty at the root. */
    publicPath: string;
  }
}

/** One or more segments of unreserved characters and escapes: it goes into headers and documents. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))(?:[A-Za-z0-9._~!$&'()*+;=:@-]|%[0-9A-Fa-f]{2})+)+$/;

/** The path of X-Forwarded-Prefix, which names several where several proxies removed one each; empty where it is none. */
export function publicPathOf(header: string | string[] | undefined): string {
  const parts = [header ?? []].flat().join(',').split(',');
  const path = parts.map((part) => part.trim().replace(/\/+$/, '')).join('');
  return PATH.test(path) ? path : '';
}

/** Absolute paths in `Location` are those that clients reach the service by, where TRUST_PROXY trusts who says so. */
export const publicPath = ({ config }: Pick<Services, 'config'>) =>
  fp(
    async (app: FastifyInstance) => {
      app.decorateRequest('publicPath', '');
      if (config.TRUST_PROXY.length === 0) return;
      const trusts = proxyAddr.compile(config.TRUST_PROXY);
      app.addHook('onRequest', (request, _reply, done) => {
        const header = request.headers['x-forwarded-prefix'];
        const { remoteAddress } = request.raw.socket;
        if (header !== undefined && remoteAddress !== undefined && trusts(remoteAddress, 0))
          request.publicPath = publicPathOf(header);
        done();
      });
      app.addHook('onSend', (request, reply, payload, done) => {
        const location = reply.getHeader('location');
        if (request.publicPath !== '' && typeof location === 'string' && /^\/(?!\/)/.test(location))
          reply.header('location', request.publicPath + location);
        done(null, payload);
      });
    },
    { name: 'public-path' },
  );
