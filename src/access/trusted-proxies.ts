import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** Names that stand for ranges of addresses. */
const RANGES = ['loopback', 'linklocal', 'uniquelocal'];

const isAddress = (text: string) => RANGES.includes(text) || ipaddr.isValid(text) || ipaddr.isValidCIDR(text);

/** `TRUST_PROXY`: the proxies whose X-Forwarded-* headers count; anybody else could write what they like into them. */
export const trustedProxies = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((address) => address.trim() || []))
  .refine((list) => list.every(isAddress), `must be addresses, CIDR ranges or ${RANGES.join(', ')}, separated by ","`);
