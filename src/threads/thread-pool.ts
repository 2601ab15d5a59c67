import { Worker } from 'node:worker_threads';
import { WeightfoldError } from '../errors.js';
import { type Answer, revive } from './answer.js';

interface Asked {
  message: unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  doing: Asked | undefined;
}

/** Threads that each do one thing at a time; what is asked of them meanwhile waits its turn. */
export class ThreadPool {
  private readonly program: URL;
  private readonly most: number;
  private readonly heapMiB: number;
  private readonly waiting: Asked[] = [];
  private readonly threads = new Set<Thread>();

  /**
   * @param program what a thread runs: it answers each message with an `Answer`
   * @param heapMiB of one thread; one that needs more ends together with what it was doing, and nothing else
   */
  constructor(program: URL, most: number, heapMiB: number) {
    this.program = program;
    this.most = most;
    this.heapMiB = heapMiB;
  }

  /** What a thread answers to a message. @throws the error it failed with; WeightfoldError `checkpoint_too_large` */
  run(message: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ message, resolve, reject });
      this.next();
    });
  }

  private next(): void {
    const idle = [...this.threads].find(({ doing }) => !doing);
    if (this.waiting.length === 0 || (!idle && this.threads.size >= this.most)) return;
    const thread = idle ?? this.start();
    thread.doing = this.waiting.shift() as Asked;
    thread.worker.ref();
    thread.worker.postMessage(thread.doing.message);
  }

  private start(): Thread {
    const worker = new Worker(this.program, { resourceLimits: { maxOldGenerationSizeMb: this.heapMiB } });
    const thread: Thread = { worker, doing: undefined };
    let failure: unknown = new Error('A thread has ended.');
    worker.on('message', (answer: Answer) => {
      const asked = thread.doing;
      thread.doing = undefined;
      // An idle thread does not keep the process from ending.
      worker.unref();
      if ('error' in answer) asked?.reject(revive(answer.error));
      else asked?.resolve(answer.value);
      this.next();
    });
    worker.on('error', (error) => {
      failure = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' ? this.tooLarge() : error;
    });
    worker.on('exit', () => {
      this.threads.delete(thread);
      thread.doing?.reject(failure);
      this.next();
    });
    this.threads.add(thread);
    return thread;
  }

  private tooLarge(): WeightfoldError {
    return new WeightfoldError(
      `The headers and configuration need more than ${this.heapMiB} MiB of memory to be read. Use fewer tensors or smaller files.`,
      { code: 'checkpoint_too_large', status: 422 },
    );
  }
}
