import type { JobSpec } from '../schemas/job-spec.js';
import type { Method } from '../schemas/method.js';
import { isTransformer } from '../schemas/model.js';
import { RANDOM_PROBE } from '../schemas/probe.js';

/**
 * A whole transformer's method with what follows from it: calibration without `fit: closed_form` is a calibrated fit, and
 * that one's basis comes from activations whatever the default says.
 */
export function settledMethod<M extends Method>(method: M): M {
  const calibrated = method.calibration !== undefined && method.fit !== 'closed_form';
  if (calibrated) return { ...method, fit: 'calibrated', basis: 'activation' };
  return method.fit === 'auto' ? { ...method, fit: 'closed_form' } : method;
}

/** The spec as the job keeps and shows it: every file and page of the job says what was done, in the same words. */
export function settledSpec(spec: JobSpec): JobSpec {
  if (!isTransformer(spec.model)) return { ...spec, probe: spec.probe ?? RANDOM_PROBE };
  const { compare } = spec;
  if (!compare) return { ...spec, method: settledMethod(spec.method) };
  return compare.methods ? { ...spec, compare: { ...compare, methods: compare.methods.map(settledMethod) } } : spec;
}
