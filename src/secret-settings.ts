/** Variables whose whole value is secret, or each part of a list. */
const WHOLE = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'HF_TOKEN',
  'WEBHOOK_SECRET',
  'WEIGHTFOLD_API_KEY',
];
/** `name:scope:key`, separated by commas. */
const KEYS = ['API_KEYS'];
/** `name=value`, separated by commas. */
const HEADERS = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'];

/** User and password of a URL that may be malformed: up to the last "@". */
const USER_INFO = /^[a-z0-9+]+:\/\/(.*)@/is;

/** Values of the environment that must not be shown: of every secret setting, and of every URL with a password. */
export function secretsOf(environment: NodeJS.ProcessEnv): string[] {
  const list = (names: string[]) =>
    names.flatMap((name) => (environment[name] ?? '').split(',').map((part) => part.trim()));
  const found = [
    ...list(WHOLE).flatMap((secret) => [secret, secret.replace(/^whsec_/, '')]),
    ...list(KEYS).flatMap((entry) => entry.split(':').slice(-1)),
    ...list(HEADERS).map((entry) => entry.slice(entry.indexOf('=') + 1).trim()),
    ...Object.values(environment).flatMap((value) => passwordOf(value ?? '')),
  ];
  return found.flatMap((secret) => [secret, decoded(secret)]);
}

/** Everything after the user of a URL's `user:password@`, and all of it where there is one part only. */
function passwordOf(text: string): string[] {
  const [, info] = USER_INFO.exec(text) ?? [];
  if (info === undefined) return [];
  const at = info.indexOf(':');
  return [info, info.slice(at + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
