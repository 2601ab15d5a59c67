import { inOneLine } from '../schemas/printable.js';

const CELLS = 24;
/** Redraws more often than this only make terminals flicker. */
const LEAST_MS = 80;

/** One line on stderr that is drawn over; nothing where stderr is no terminal. */
export class ProgressLine {
  private shown = false;
  private drawnAt = 0;
  readonly live = Boolean(process.stderr.isTTY);

  draw(fraction: number, text: string): void {
    const now = Date.now();
    if (!this.live || (fraction < 1 && now - this.drawnAt < LEAST_MS)) return;
    this.drawnAt = now;
    const full = Math.round(Math.min(1, Math.max(0, fraction)) * CELLS);
    const bar = '█'.repeat(full) + '░'.repeat(CELLS - full);
    const line = `${bar} ${String(Math.floor(fraction * 100)).padStart(3)} %  ${inOneLine(text)}`;
    // Terminals that do not know their width say 0.
    process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
    this.shown = true;
  }

  clear(): void {
    if (this.shown) process.stderr.write('\r\u001b[2K');
    this.shown = false;
  }
}
