import { meaningOf } from '../errors/meanings.js';

/** An error's code, what it means, and the way to the list. */
export function ErrorCode({ code }: { code: string }) {
  const known = meaningOf(code);
  return (
    <p class="small error-code">
      <a href={`#/errors/${code}`}>
        <code>{code}</code>
      </a>
      {known && <span class="quiet"> {known.meaning}</span>}
    </p>
  );
}
