import type { ComponentChildren } from 'preact';
import { bytes } from '../../src/format/numbers.js';
import { CopyButton } from './copy-button.js';

/** A file of a list: its name or a link to it, size, and hash to copy. */
export function FileLine({ size, sha256, children }: { size: number; sha256: string; children: ComponentChildren }) {
  return (
    <li>
      {children}
      <span class="number">{bytes(size)}</span>
      <span class="row small quiet">
        <code title={`SHA-256 ${sha256}`}>{sha256.slice(0, 16)}…</code>
        <CopyButton text={sha256} label="Copy SHA-256" plain />
      </span>
    </li>
  );
}
