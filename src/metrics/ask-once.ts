/**
 * One question for all gauges of a scrape. prom-client collects them side by side: a gauge that another one's `collect`
 * sets would show what the scrape before saw, so each collects by itself and waits for the same answer.
 */
export function askOnce<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask().finally(() => {
      asked = undefined;
    });
    return asked;
  };
}
