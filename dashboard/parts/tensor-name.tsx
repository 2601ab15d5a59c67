import { Fragment } from 'preact';

/** Names up to so many characters stay on one line. */
const ONE_LINE = 24;

/** A tensor's name; a long one breaks after its dots where room is short. */
export function TensorName({ name }: { name: string }) {
  const parts = name.length > ONE_LINE ? name.split(/(?<=\.)/) : [name];
  return (
    <code>
      {parts.map((part, n) => (
        <Fragment key={n}>
          {n > 0 && <wbr />}
          {part}
        </Fragment>
      ))}
    </code>
  );
}
