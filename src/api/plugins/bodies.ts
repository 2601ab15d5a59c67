import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { WeightfoldError } from '../../errors.js';

/** Where the text stops being JSON, in the parser's own words; or what in it is refused though it is JSON. */
function whyNotJson(text: string): string {
  try {
    JSON.parse(text);
    return 'a key "__proto__" or "constructor" is not taken';
  } catch (error) {
    return (error as Error).message;
  }
}

/** Bodies are JSON, or streams where a route says so, and come as they are: nothing here unpacks one. */
export const bodies = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, _reply, done) => {
      const { 'content-encoding': content = 'identity', 'transfer-encoding': transfer = 'chunked' } = request.headers;
      if (content === 'identity' && transfer.toLowerCase() === 'chunked') return done();
      const packed = content === 'identity' ? `Transfer-Encoding "${transfer}"` : `Content-Encoding "${content}"`;
      const message = `${packed} is not taken; send the body as it is.`;
      done(new WeightfoldError(message, { code: 'media_type_unsupported', status: 415 }));
    });
    const parse = app.getDefaultJsonParser('error', 'error');
    // Fastify reads plain text by itself.
    app.removeContentTypeParser(['application/json', 'text/plain']);
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (request: FastifyRequest, text, done) => {
      // Clients that call everything JSON send the type with an empty body too, to routes that take none.
      if (text === '' && request.routeOptions.schema?.body === undefined) return done(null, undefined);
      parse(request, text as string, (error, body) => {
        if (!error || text === '') return done(error, body);
        const message = `The body is not valid JSON: ${whyNotJson(text as string)}.`;
        done(new WeightfoldError(message, { code: 'json_invalid', status: 400 }));
      });
    });
  },
  { name: 'bodies', dependencies: ['access'] },
);
