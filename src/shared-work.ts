/**
 * Work that many ask for at once: those who ask while it runs share the run after that one, so that nobody gets what
 * was begun before they asked, and a thousand askers cost two runs.
 */
export class SharedWork<T> {
  private readonly work: () => Promise<T>;
  private now: Promise<T> | undefined;
  private next: Promise<T> | undefined;

  /** Told when nobody asks any more. */
  onIdle: () => void = () => {};

  constructor(work: () => Promise<T>) {
    this.work = work;
  }

  run(): Promise<T> {
    if (!this.now) return this.begin();
    const again = () => this.begin();
    this.next ??= this.now.then(again, again);
    return this.next;
  }

  private begin(): Promise<T> {
    const now = this.work();
    this.now = now;
    this.next = undefined;
    const done = () => {
      if (this.now !== now || this.next) return;
      this.now = undefined;
      this.onIdle();
    };
    now.then(done, done);
    return now;
  }
}
