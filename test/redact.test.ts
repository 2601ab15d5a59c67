import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config.js';
import { createLogger } from '../src/log.js';

function logged(fields: object, message = 'x'): string {
  const lines: string[] = [];
  createLogger(loadConfig({}), 'test', { write: (line: string) => void lines.push(line) }).info(fields, message);
  expect(lines).toHaveLength(1);
  JSON.parse(lines[0]);
  return lines[0];
}

describe('a log line holds no', () => {
  it.each([
    ['API key', { url: '/x?y=wf_0123456789abcdefghij' }, '0123456789abcdefghij'],
    ['bearer token', { headers: { authorization: 'Bearer abcdef0123456789' } }, 'abcdef'],
    ['bearer token in a message', { err: new Error('sent Bearer abcdef0123456789') }, 'abcdef'],
    ['cookie', { req: { headers: { cookie: 'session=abcdef' } } }, 'abcdef'],
    ['cookies of a reply', { res: { headers: { 'set-cookie': ['a=uvwxyz', 'b=abcdef'] } } }, 'abcdef'],
    ['credentials of a header', { headers: { authorization: 'abcdef' } }, 'abcdef'],
    ['hub token', { err: new Error('401 for hf_abcdefghijklmnopqrst') }, 'abcdefghij'],
    ['password of a URL', { err: new Error('connect redis://user:hunter2@host:6379') }, 'hunter2'],
    ['signature of a URL', { url: 'https://b.s3.amazonaws.com/k?X-Amz-Signature=abcdef&X-Amz-Expires=9' }, 'abcdef'],
    ['token of a URL', { err: new Error('GET https://h/x?token=abcdef failed') }, 'abcdef'],
    ['signature of an Azure URL', { u: 'https://a.blob.core.windows.net/c/b?sv=1&sig=ab%2Bcdef' }, 'cdef'],
  ])('%s', (_, fields, secret) => {
    const text = logged(fields);
    expect(text).not.toContain(secret);
    expect(text).toContain('[redacted]');
  });

  it('but everything else is left', () => {
    const fields = { job: 'job_01J', url: '/v1/jobs?label.team=a&after=job_1', err: 'hf://org/name@main, key_01' };
    expect(JSON.parse(logged(fields))).toMatchObject(fields);
  });
});
