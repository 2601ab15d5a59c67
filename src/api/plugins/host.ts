import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { WeightfoldError } from '../../errors.js';

/** A name or an address, and a port (RFC 3986, section 3.2); empty where the address has no authority. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::\d*)?$/;

/**
 * HTTP/1.1 wants exactly one Host header (RFC 9112, section 3.2). Node takes the first of several, while a proxy may have
 * gone by the last; none it would refuse with an empty answer, so it is told to leave that to this.
 */
export const host = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', ({ raw }, _reply, done) => {
      const hosts = raw.rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length;
      const { host: value = '' } = raw.headers;
      if ((hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0')) && HOST.test(value)) return done();
      const what = hosts === 1 ? `"${value.slice(0, 200)}", which is no host` : `${hosts} of them`;
      const message = `The request needs one Host header, such as "Host: localhost:8080"; it has ${what}.`;
      done(new WeightfoldError(message, { code: 'request_malformed', status: 400 }));
    });
  },
  { name: 'host', dependencies: ['problems', 'security-headers'] },
);
