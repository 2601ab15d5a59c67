import { readFile } from 'node:fs/promises';

/** Clock ticks a process has computed for so far; undefined where /proc does not tell (not Linux). */
async function processorTicks(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name, field 2, may hold spaces and brackets. User and system time are fields 14 and 15.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields && Number(fields[11]) + Number(fields[12]);
}

/**
 * Whether a process that should be at work is. One that neither says anything nor computes is stopped or hangs; a long
 * computation that keeps it from answering is neither. Looks are counted, not seconds: a machine that was paused has
 * missed none.
 */
export class Pulse {
  private readonly pid: number;
  private said = false;
  private ticks: number | undefined;
  /** Looks in a row at which it gave no sign of life. */
  missed = 0;

  constructor(pid: number) {
    this.pid = pid;
  }

  heard(): void {
    this.said = true;
    this.missed = 0;
  }

  async look(): Promise<void> {
    const [said, before] = [this.said, this.ticks];
    this.said = false;
    this.ticks = await processorTicks(this.pid);
    const computed = before !== undefined && this.ticks !== before;
    this.missed = said || this.said || computed ? 0 : this.missed + 1;
  }
}
