import { collectDefaultMetrics, Registry } from 'prom-client';
import { VERSION } from '../version.js';

/** Requests: from a read of a cached record to a plan of a remote checkpoint. */
export const REQUEST_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
/** Jobs and steps: from a small layer to a calibrated merge of whole models. */
export const WORK_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600, 1800, 3600, 14_400];

/** A registry with what Prometheus expects of any Node process: memory, CPU, event loop. */
export function createRegistry(): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ version: VERSION });
  collectDefaultMetrics({ register: registry });
  return registry;
}
