import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startApi } from './api/server.js';
import { createLogger, type Logger } from './log.js';
import { loadConfigOrExit, runUntilSignal } from './run-until-signal.js';

/** The worker is a program of its own: the control plane starts it, and imports nothing of it. */
const WORKER_PROGRAM = fileURLToPath(new URL('../workers/worker.js', import.meta.url));
const RESTART_DELAY_MS = 1_000;

/** Keep one worker process running: one that dies is replaced. */
function superviseWorker(log: Logger): { close: () => Promise<void> } {
  let child: ChildProcess | undefined;
  let closing = false;
  const gone = (why: object) => {
    if (closing) return;
    log.error(why, 'the worker ended; starting another');
    void sleep(RESTART_DELAY_MS).then(() => closing || launch());
  };
  const launch = () => {
    try {
      const started = fork(WORKER_PROGRAM, { stdio: 'inherit' });
      child = started;
      started.once('exit', (code, signal) => gone({ code, signal }));
      // Without memory for a process there is none that could exit: fork throws, or says so later.
      started.on('error', (err) => started.pid === undefined && gone({ err }));
    } catch (err) {
      gone({ err });
    }
  };
  launch();
  return {
    close: async () => {
      closing = true;
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

// `npm start`: API and one worker in the foreground, until SIGTERM or Ctrl-C.
const config = loadConfigOrExit();
await runUntilSignal(async () => {
  const api = await startApi(config);
  const log = createLogger(config, 'start');
  const worker = superviseWorker(log);
  log.info(`weightfold listens on ${api.url} (try ${api.url}/docs)`);
  return {
    close: async () => {
      await worker.close();
      await api.close();
    },
  };
}, config.SHUTDOWN_SECONDS + 15);
