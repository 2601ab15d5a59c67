import { NoAnswerError, RequestError } from '../api/client.js';
import { ErrorCode } from './error-code.js';
import { KeyOffer } from './key-prompt.js';

interface Told {
  code?: string;
  message: string;
  errors?: readonly { pointer: string; message: string }[];
}

interface ProblemNoticeProps {
  error: Error | Told;
  title: string;
  /** The page asks again by itself. */
  again?: boolean;
}

/** Why something was refused or failed: the whole of it, with the code and what it means. */
export function ProblemNotice({ error, title, again }: ProblemNoticeProps) {
  const { code, message, errors = [] } = told(error);
  const places = errors.filter((place) => place.pointer !== '' && !message.includes(place.message));
  return (
    <div class="notice bad" role="alert">
      <p>
        <strong>{title}</strong>
      </p>
      <p>{code === 'unauthorized' ? 'The service asks for a valid API key.' : message}</p>
      {again && error instanceof NoAnswerError && <p>This page asks again every few seconds.</p>}
      <KeyOffer code={code} />
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
