import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';
import { sourceRefused } from './error.js';

/** A server that does not answer the handshake in this time is down. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Whether an address belongs to the public internet. Everything else (loopback, private, link-local with the metadata
 * services of clouds, carrier-grade NAT, multicast, reserved, and IPv6 forms that wrap an IPv4 address of any kind) is
 * where a server's own network lives.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // `process` unwraps ::ffff:a.b.c.d; other wrappings (6to4, NAT64, Teredo) have ranges of their own, none "unicast".
  return ipaddr.process(address).range() === 'unicast';
}

const refuseSource = (host: string) =>
  sourceRefused(
    `"${host}" has an address that is not public; sources there are off unless ALLOW_PRIVATE_SOURCES is set.`,
  );

type Refuse = (host: string) => Error;
type LookupCallback = (error: Error | null, addresses: string | LookupAddress[], family?: number) => void;

/** As `dns.lookup`, failing where any address is not public: what is checked here is what is connected to. */
const guardedLookup = (refuse: Refuse) => (host: string, options: LookupOptions, callback: LookupCallback) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) callback(error, []);
    else if (!addresses.every(({ address }) => isPublicAddress(address))) callback(refuse(host), []);
    else if (options.all) callback(null, addresses);
    else callback(null, addresses[0].address, addresses[0].family);
  });
};

/**
 * A connector that reaches public addresses only, whatever a name resolves to at the moment of connecting (DNS
 * rebinding) and for every hop of a redirect.
 * @param trusted hosts (`host:port`) the operator named, which may lie anywhere
 * @param refuse the error for a host that is not public
 */
export function guardedConnector(
  trusted: ReadonlySet<string>,
  refuse: Refuse = refuseSource,
): buildConnector.connector {
  const open = buildConnector({ timeout: CONNECT_TIMEOUT_MS });
  const guarded = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(refuse) as never });
  return (options, callback) => {
    const { hostname, host, protocol, port } = options;
    const number = port || (protocol === 'https:' ? '443' : '80');
    if (trusted.has(`${hostname}:${number}`)) return open(options, callback);
    const literal = hostname.replace(/^\[|\]$/g, '');
    // An address in the URL itself is never looked up.
    if (isIP(literal) && !isPublicAddress(literal)) return callback(refuse(host ?? hostname), null);
    guarded(options, (...[error, socket]) => {
      if (error) return callback(error, null);
      if (!isPublicAddress(socket.remoteAddress ?? '')) {
        socket.destroy();
        return callback(refuse(hostname), null);
      }
      callback(null, socket);
    });
  };
}
