/** Seconds spent per activity; activities may nest, each counts its own wall time. */
export class Stopwatch {
  private readonly seconds = new Map<string, number>();

  /** Start timing; call the result to stop. */
  start(activity: string): () => void {
    const from = performance.now();
    return () => this.add(activity, (performance.now() - from) / 1000);
  }

  add(activity: string, seconds: number): void {
    this.seconds.set(activity, this.get(activity) + seconds);
  }

  get(activity: string): number {
    return this.seconds.get(activity) ?? 0;
  }
}
