/** What Redis means when it refuses, by the first word of its reply, and what to do about it. */
const REASONS: Record<string, string> = {
  MISCONF: 'it cannot save to its disk, so it takes no writes (free space there, or see its log)',
  OOM: 'its memory is full (maxmemory), so it takes no writes',
  READONLY: 'it is a replica, which takes no writes (name the primary in REDIS_URL)',
  MASTERDOWN: 'it is a replica that has lost its primary (name the primary in REDIS_URL)',
  NOREPLICAS: 'it has too few replicas to take writes (min-replicas-to-write)',
  CLUSTERDOWN: 'it is a node of a Redis cluster; the queue needs a single server',
  MOVED: 'it is a node of a Redis cluster; the queue needs a single server',
  CROSSSLOT: 'it is a node of a Redis cluster; the queue needs a single server',
  NOAUTH: 'it asks for a password (REDIS_URL has none)',
  WRONGPASS: 'it does not accept the user or password of REDIS_URL',
  NOPERM: 'the user of REDIS_URL lacks permissions (the queue needs all commands on weightfold:*)',
  LOADING: 'it is still loading its data',
};

/**
 * Why Redis refused a command, for people; undefined where it did not answer at all. Never the reply itself, which may
 * repeat what was sent.
 */
export function redisReason(error: unknown): string | undefined {
  const { name, message = '' } = error as Error;
  if (name === 'ParserError') return 'what answers there is not a Redis server';
  const word =
    /\b(?:MISCONF|OOM|READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|MOVED|CROSSSLOT|NOAUTH|WRONGPASS|NOPERM|LOADING)\b/;
  const found = word.exec(message.slice(0, 500))?.[0];
  if (found !== undefined) return `${REASONS[found]} (${found})`;
  if (name !== 'ReplyError') return undefined;
  return /cluster/i.test(message) ? `${REASONS.CLUSTERDOWN}` : 'it refused the command';
}
