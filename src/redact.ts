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

/** What each of them begins with or follows. Few lines hold any, and this is much quicker to see. */
const SUSPECT = /wf_|hf_|whsec_|:\/\/|[?&;]|bearer|basic|authorization|cookie|api-key/i;

/** The text without its secrets. */
export const redact = (text: string): string => (SUSPECT.test(text) ? text.replace(SECRETS, REDACTED) : text);
