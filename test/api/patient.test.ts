import Fastify from 'fastify';
import { afterEach, expect, it, vi } from 'vitest';
import { patient } from '../../src/api/plugins/patient.js';

afterEach(() => vi.useRealTimers());

it('a request without a body is not cut, however long its answer takes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const app = Fastify();
  await app.register(patient);
  app.route({
    method: ['POST', 'DELETE'],
    url: '/slow',
    handler: async ({ raw }) => {
      vi.advanceTimersByTime(600_000);
      return { destroyed: raw.destroyed };
    },
  });
  for (const method of ['POST', 'DELETE'] as const)
    expect((await app.inject({ method, url: '/slow' })).json()).toEqual({ destroyed: false });
  const body = (await app.inject({ method: 'POST', url: '/slow', payload: { a: 1 } })).json();
  expect(body).toEqual({ destroyed: false });
  await app.close();
});
