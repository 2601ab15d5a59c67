import type { Machine } from '../src/schemas/machine.js';

/** How often a worker whose speed is not known for sure looks whether its machine is idle. */
const LOOK_MS = 30_000;

/** A measurement under way. */
export interface Measuring {
  speed: Promise<Machine>;
  stop: () => void;
}

interface Surroundings {
  measure: () => Promise<Measuring>;
  /** Whether a step runs here. */
  busy: () => boolean;
  /** Whether the machine has nothing to do. */
  idle: () => Promise<boolean>;
  tell: (speed: Machine) => void;
  onError: (error: Error) => void;
}

/**
 * Keeps a worker's speed true. What is measured at its start, when other programs start too, is a first figure only: it is
 * measured again once the machine is idle before and after, and stays then.
 */
export class SpeedKeeper {
  private readonly around: Surroundings;
  private timer: NodeJS.Timeout | undefined;
  private under: Measuring;
  private closed = false;

  /** @param first the measurement that began with the worker */
  constructor(first: Measuring, around: Surroundings) {
    this.around = around;
    this.under = first;
    first.speed.then(around.tell, (error: Error) => this.closed || around.onError(error));
  }

  /** @param interval milliseconds between looks */
  start(interval = LOOK_MS): void {
    this.timer = setTimeout(() => {
      this.look().then(
        (sure) => sure || this.closed || this.start(interval),
        (error: Error) => {
          if (this.closed) return;
          this.around.onError(error);
          this.start(interval);
        },
      );
    }, interval).unref();
  }

  /** Measure where nothing else runs. @returns whether the speed is known for sure now */
  async look(): Promise<boolean> {
    const { measure, busy, idle, tell } = this.around;
    if (busy() || !(await idle()) || busy() || this.closed) return false;
    this.under = await measure();
    if (this.closed) this.under.stop();
    const speed = await this.under.speed;
    if (busy() || !(await idle()) || busy() || this.closed) return false;
    tell(speed);
    return true;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.under.stop();
  }
}
