import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WeightfoldError } from '../src/errors.js';
import { computeEnvironment } from './compute-environment.js';
import { type Answer, type Ask, type StepToRun, unpackError } from './compute-messages.js';
import { Pulse } from './pulse.js';
import type { StepReport } from './step-report.js';

const PROGRAM = fileURLToPath(new URL('./compute-program.js', import.meta.url));
/** A process that has not taken up its step by then hangs. Loading the libraries takes a second on a busy machine. */
const BEGIN_MS = 60_000;
/** After a stop is asked for. A native call that still runs is ended with its process. */
const ABORT_GRACE_MS = 500;
/** The kernel may keep a killed process that waits for a disk; its slot does not wait longer than this. */
const KILL_WAIT_MS = 5_000;
const LOOK_MS = 5_000;
/** Looks without a sign of life after which a process counts as stuck (30 s), and after which it is ended (2 min). */
const STUCK_AFTER = 6;
const END_AFTER = 24;

/** The process that ran a step is gone. */
export class ComputeProcessDied extends WeightfoldError {
  /** Whether it had taken the step up. */
  readonly began: boolean;

  constructor(message: string, began: boolean) {
    super(message, { code: 'worker_crashed', status: 500, retryable: true });
    this.began = began;
  }
}

/**
 * A process that runs steps, one at a time. Whatever becomes of it, each step ends: with its result, its error, or the
 * death of the process, which is killed where it does not begin, does not stop when it is asked to, or hangs.
 */
export class ComputeProcess {
  private readonly child: ChildProcess;
  private readonly pulse: Pulse;
  private settle: ((end: StepReport | null | Error) => void) | undefined;
  private began = false;
  /** Why this end of it killed the process. */
  private verdict: string | undefined;
  private dead = false;
  private bury = () => {};
  /** Once the process is gone, or no longer waited for. */
  readonly gone = new Promise<void>((resolve) => {
    this.bury = resolve;
  });

  constructor() {
    this.child = fork(PROGRAM, { env: computeEnvironment(), stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.pulse = new Pulse(this.child.pid ?? 0);
    this.child.on('message', (answer: Answer) => this.take(answer));
    // Where it cannot even be started there is no exit. Other errors are followed by one.
    this.child.on('error', ({ message }) => {
      if (this.child.pid === undefined) this.died(`could not be started (${message})`);
    });
    this.child.once('exit', (code, signal) => this.died(signal ? `was ended by ${signal}` : `ended with code ${code}`));
    // One that cannot be talked to is of no use.
    this.child.once('disconnect', () => this.child.kill('SIGKILL'));
  }

  get alive(): boolean {
    return !this.dead && this.verdict === undefined;
  }

  /** Whether its step neither goes on nor fails. */
  get stuck(): boolean {
    return this.settle !== undefined && this.pulse.missed >= STUCK_AFTER;
  }

  /** @throws ComputeProcessDied, or what the step failed with */
  run(step: StepToRun, signal: AbortSignal): Promise<StepReport | null> {
    return new Promise((resolve, reject) => {
      this.began = false;
      this.pulse.heard();
      const begin = setTimeout(
        () => this.began || this.end(`did not begin the step within ${BEGIN_MS / 1000} s`),
        BEGIN_MS,
      );
      const looking = setInterval(() => void this.look(), LOOK_MS);
      let grace: NodeJS.Timeout | undefined;
      const stop = () => {
        this.tell({ abort: signal.reason });
        grace = setTimeout(() => this.end('did not stop when it was asked to'), ABORT_GRACE_MS);
      };
      this.settle = (end) => {
        this.settle = undefined;
        for (const timer of [begin, looking, grace]) clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        if (end instanceof Error) reject(end);
        else resolve(end);
      };
      if (this.dead) return this.died('had ended');
      this.tell({ run: step });
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
  }

  /** Kill the process. @param verdict why, for whoever waits for its step */
  end(verdict: string): void {
    this.verdict ??= verdict;
    this.child.kill('SIGKILL');
    setTimeout(() => this.died(verdict), KILL_WAIT_MS).unref();
  }

  private tell(ask: Ask): void {
    // What cannot be sent is followed by the death of the process.
    if (this.child.connected) this.child.send(ask, () => {});
  }

  private take(answer: Answer): void {
    this.pulse.heard();
    if ('began' in answer) this.began = true;
    if ('done' in answer) this.settle?.(answer.done);
    if ('failed' in answer) this.settle?.(unpackError(answer.failed));
  }

  private async look(): Promise<void> {
    await this.pulse.look();
    if (this.stuck && this.pulse.missed >= END_AFTER)
      this.end(`gave no sign of life for ${(END_AFTER * LOOK_MS) / 1000} s`);
  }

  private died(how: string): void {
    this.dead = true;
    this.bury();
    const why = this.verdict
      ? `${this.verdict} and was killed.`
      : `${how}${this.began ? '' : ' before it began the step'}; out of memory is the usual cause.`;
    this.settle?.(new ComputeProcessDied(`The compute process ${why}`, this.began));
  }
}
