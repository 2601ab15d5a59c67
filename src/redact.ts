/** Query parameters of signed and token-bearing URLs: AWS, Google, Azure, and the usual names. */
const SECRET_PARAMETERS =
  'x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature|x-goog-credential|signature|sig|policy|key-pair-id|' +
  'token|access_token|auth|api_?key|key|secret|password';

/**
 * Secrets wherever they stand in a text: our keys, model hubs' tokens, what signs webhooks, bearer credentials, user and password of a URL,
 * and what signs a URL. The reason to look at whole lines: messages of libraries quote URLs.
 */
const SECRETS = new RegExp(
  [
    String.raw`(?<key>\b(?:wf_|hf_)[A-Za-z0-9_-]{16,})`,
    String.raw`(?<signing>\bwhsec_[A-Za-z0-9+/=_-]{16,})`,
    String.raw`(?<bearer>(?<=\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{8,})`,
    String.raw`(?<user>(?<=[a-z]:\/\/)[^\s/@"]+(?=@))`,
    String.raw`(?<parameter>(?<=[?&;](?:${SECRET_PARAMETERS})=)[^&\s"\\#]+)`,
  ].join('|'),
  'gi',
);

export const REDACTED = '[redacted]';

/** The text without its secrets. */
export const redact = (text: string): string => text.replace(SECRETS, REDACTED);
