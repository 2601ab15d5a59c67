import { RequestError } from '../api/client.js';
import { ErrorCode } from './error-code.js';

interface Told {
  code?: string;
  message: string;
  errors?: readonly { pointer: string; message: string }[];
}

/** Why something was refused or failed: the whole of it, with the code and what it means. */
export function ProblemNotice({ error, title }: { error: Error | Told; title: string }) {
  const { code, message, errors = [] } = told(error);
  const places = errors.filter((place) => place.pointer !== '' && !message.includes(place.message));
  return (
    <div class="notice bad" role="alert">
      <p>
        <strong>{title}</strong>
      </p>
      <p>{message}</p>
      {places.length > 0 && (
        <ul>
          {places.map(({ pointer, message: at }) => (
            <li key={pointer + at}>
              <code>{pointer}</code> {at}
            </li>
          ))}
        </ul>
      )}
      {code && <ErrorCode code={code} />}
    </div>
  );
}

function told(error: Error | Told): Told {
  if (error instanceof RequestError)
    return { message: error.message, code: error.problem?.code, errors: error.problem?.errors };
  return error;
}
