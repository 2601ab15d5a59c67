import { bytes } from '../../src/format/numbers.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import type { Transfer } from './use-transfers.js';

interface TransfersProps {
  transfers: readonly Transfer[];
  onPause: (id: number) => void;
  onResume: (id: number) => void;
  onRemove: (id: number) => void;
}

const STATES: Record<Transfer['state'], string> = {
  waiting: 'waiting',
  reading: 'reading',
  sending: 'uploading',
  paused: 'paused',
  checking: 'checking',
  stored: 'stored',
  failed: 'failed',
};

/** Uploads under way and done, in the order they were added. */
export function Transfers({ transfers, onPause, onResume, onRemove }: TransfersProps) {
  if (transfers.length === 0) return null;
  return (
    <ul class="transfers" aria-label="Uploads">
      {transfers.map((transfer) => {
        const { id, state, sent, file, checkpoint, name, error } = transfer;
        const open = state === 'waiting' || state === 'reading' || state === 'sending';
        return (
          <li key={id}>
            <span class="row">
              <strong>
                {state === 'stored' ? <a href={`#/checkpoints/${checkpoint}`}>{checkpoint}</a> : checkpoint}
              </strong>
              {name}
              <span class="end small quiet number">
                {STATES[state]}
                {state === 'sending' || state === 'paused'
                  ? `, ${bytes(sent)} of ${bytes(file.size)}`
                  : `, ${bytes(file.size)}`}
              </span>
            </span>
            {state !== 'stored' && state !== 'failed' && (
              <progress class="meter" value={sent} max={Math.max(file.size, 1)} aria-label={`Upload of ${name}`} />
            )}
            {error && <ProblemNotice title={`${name} was not stored.`} error={error} />}
            <span class="row transfer-buttons">
              {open && (
                <button type="button" class="small" onClick={() => onPause(id)}>
                  Pause
                </button>
              )}
              {(state === 'paused' || state === 'failed') && (
                <button type="button" class="small" onClick={() => onResume(id)}>
                  {state === 'paused' ? 'Resume' : 'Try again'}
                </button>
              )}
              {state !== 'stored' && state !== 'checking' && (
                <button type="button" class="small" onClick={() => onRemove(id)}>
                  Discard
                </button>
              )}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
