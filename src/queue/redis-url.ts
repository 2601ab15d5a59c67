import type { RedisOptions } from 'ioredis';

const DEFAULT_PORT = 6379;
const FORM =
  'write redis://host:port/database (port and database may be left out; user:password@ goes before the host), rediss:// for TLS, or unix:///path/to/socket';

/**
 * How to reach the server that a REDIS_URL names.
 * @throws Error saying what is wrong with it. The value itself is left out: it may hold a password
 */
export function parseRedisUrl(text: string): RedisOptions {
  const fail = (why: string) => new Error(`${why}; ${FORM}`);
  if (!/^(rediss?|unix):\/\//.test(text)) throw fail('must start with redis://, rediss:// or unix://');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw fail(
      'is not a URL (is the port a number up to 65535, and is "@", "/" or "#" in the password written %40, %2F or %23?)',
    );
  }
  const { protocol, hostname, port, pathname, search, hash } = url;
  if (search !== '' || hash !== '') throw fail('must end with the database, without "?" or "#"');
  const decoded = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw fail('has a "%" that begins no escape; write it %25');
    }
  };
  const username = decoded(url.username);
  const password = decoded(url.password);
  const login = { ...(username && { username }), ...(password && { password }) };
  if (protocol === 'unix:') {
    if (hostname !== '') throw fail('must name the socket by an absolute path');
    if (pathname.length < 2) throw fail('names no socket');
    return { path: decoded(pathname), ...login };
  }
  if (hostname === '') throw fail('names no host');
  if (port === '0') throw fail('has port 0, on which nothing listens');
  if (!/^(\/\d{0,5})?$/.test(pathname)) throw fail('must have a number as its database, or none');
  return {
    // URLs write IPv6 addresses in brackets, sockets do not.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? DEFAULT_PORT : Number(port),
    ...login,
    ...(pathname.length > 1 && { db: Number(pathname.slice(1)) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}
