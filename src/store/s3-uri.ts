/** `s3://bucket/prefix` in its parts; the prefix without slashes around it. */
export function parseS3Uri(uri: string): { bucket: string; prefix: string } | undefined {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(uri);
  return match ? { bucket: match[1], prefix: (match[2] ?? '').replace(/^\/+|\/+$/g, '') } : undefined;
}
