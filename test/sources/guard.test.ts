import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../src/sources/guard.js';
import { HttpClient } from '../../src/sources/http.js';
import { FileServer } from './file-server.js';

describe('public addresses', () => {
  it.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('%s is one', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001:db8::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:0:0:1::1',
    'nonsense',
    '',
  ])('%s is none', (address) => expect(isPublicAddress(address)).toBe(false));
});

describe('a guarded client', () => {
  let server: FileServer;
  let client: HttpClient;
  beforeAll(async () => {
    server = await new FileServer().start();
    server.files.set('/x', Buffer.from('secret'));
  });
  afterAll(() => server.stop());

  const port = () => new URL(server.url).port;
  /** Plain http:// is off with the guard on, so these speak TLS to a server that would notice any byte. */
  const hosts = ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost', '2130706433', '0x7f.1', '127.1', '0.0.0.0'];
  it.each(hosts)('does not reach %s', async (host) => {
    client = new HttpClient({ allowPrivate: false, trusted: [] });
    const before = server.connections;
    await expect(client.send('it', 'GET', `https://${host}:${port()}/x`, {})).rejects.toMatchObject({
      code: 'source_not_allowed',
      retryable: false,
    });
    expect(server.connections).toBe(before);
    await client.close();
  });

  it('does not speak http://, and no other scheme', async () => {
    client = new HttpClient({ allowPrivate: false, trusted: [] });
    for (const url of ['http://example.com/x', 'ftp://example.com/x', 'file:///etc/passwd'])
      await expect(client.send('it', 'GET', url, {})).rejects.toMatchObject({ code: 'source_not_allowed' });
    await client.close();
  });

  it('does not follow a redirect inward', async () => {
    // The operator named this server: it may be private. Where it sends clients may not.
    const other = await new FileServer().start();
    other.files.set('/x', Buffer.from('secret'));
    client = new HttpClient({ allowPrivate: false, trusted: [server.url] });
    expect((await client.send('it', 'GET', `${server.url}/x`, {})).status).toBe(200);
    for (const location of [`https://127.0.0.1:${new URL(other.url).port}/x`, `${other.url}/x`, 'file:///etc/passwd']) {
      server.intercept = (_, response) => Boolean(response.writeHead(302, { location }).end());
      await expect(client.send('it', 'GET', `${server.url}/x`, {})).rejects.toMatchObject({
        code: 'source_not_allowed',
      });
    }
    expect(other.connections).toBe(0);
    await Promise.all([client.close(), other.stop()]);
  });

  it('gives up on redirects without end', async () => {
    client = new HttpClient({ allowPrivate: true, trusted: [] });
    server.intercept = (_, response, path) => Boolean(response.writeHead(302, { location: `${path}x` }).end());
    await expect(client.send('it', 'GET', `${server.url}/x`, {})).rejects.toMatchObject({ code: 'source_not_allowed' });
    server.intercept = () => false;
    await client.close();
  });
});
