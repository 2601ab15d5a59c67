const BEARER = /^Bearer +(\S+)$/i;

/** The key in an Authorization header; undefined where it holds something else. */
export const bearerKey = (authorization: string | undefined): string | undefined =>
  BEARER.exec(authorization ?? '')?.[1];
