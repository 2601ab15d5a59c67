/** Query parameters of signed and token-bearing URLs: AWS, Google, Azure, and the usual names. */
const SECRET_PARAMETERS =
  'x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature|x-goog-credential|signature|sig|policy|key-pair-id|' +
  'token|access_token|auth|api_?key|key|secret|password';

/**
 * Secrets wherever they stand in a line: our keys, model hubs' tokens, what signs webhooks, credentials in headers, user
 * and password of a URL, and what signs a URL. Whole lines, not fields, because messages of libraries quote URLs.
 */
const SECRETS = new RegExp(
  [
    String.raw`(?<key>\b(?:wf_|hf_)[A-Za-z0-9_-]{16,})`,
    String.raw`(?<signing>\bwhsec_[A-Za-z0-9+/=_-]{16,})`,
    String.raw`(?<header>(?<="(?:authorization|cookie|set-cookie|x-api-key)":\[?(?:"[^"]*",)*")[^"]+)`,
    String.raw`(?<bearer>(?<=\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{8,})`,
    String.raw`(?<user>(?<=[a-z]:\/\/)[^\s/@"]+(?=@))`,
    String.raw`(?<parameter>(?<=[?&;](?:${SECRET_PARAMETERS})=)[^&\s"\\#]+)`,
  ].join('|'),
  'gi',
);

const REDACTED = '[redacted]';

/** Errors of the Redis client carry the command they are about, password and all. */
const COMMAND_ARGUMENTS = /(?<="command":\{"name":"[^"]*","args":)\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\]/g;

/** Shorter values would be found in ordinary words. */
const LEAST_SECRET = 5;
const secrets = new Set<string>();
let valuesOfSecrets: RegExp | undefined;

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);

/** From now on these values are left out of whatever goes through `redact`, also as JSON and URLs write them. */
export function keepSecret(values: Iterable<string>): void {
  for (const value of values)
    if (value.length >= LEAST_SECRET)
      for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]) secrets.add(form);
  // The longest first: one may be a part of another.
  const all = [...secrets].sort((a, b) => b.length - a.length).map(literal);
  valuesOfSecrets = all.length > 0 ? new RegExp(all.join('|'), 'g') : undefined;
}

/** What each of them begins with or follows. Few lines hold any, and this is much quicker to see. */
const SUSPECT = /wf_|hf_|whsec_|:\/\/|[?&;]|bearer|basic|authorization|cookie|api-key|"args":/i;

/** The text without its secrets: those of the settings by their value, others by what they look like. */
export function redact(text: string): string {
  const plain = valuesOfSecrets ? text.replace(valuesOfSecrets, REDACTED) : text;
  return SUSPECT.test(plain) ? plain.replace(COMMAND_ARGUMENTS, '[]').replace(SECRETS, REDACTED) : plain;
}
