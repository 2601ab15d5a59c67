import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import { comparedMethods } from '../plan/comparison.js';
import type { TokenShape } from '../plan/whole-model.js';
import { isFloatDtype } from '../safetensors/dtype.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Method } from '../schemas/method.js';
import type { TokenProbe } from '../schemas/probe.js';
import { NamedTensors, type Wanted } from './named-tensors.js';

/** The token probes of a spec, in order; none where it names none. */
export function tokenProbes({ probe }: JobSpec): TokenProbe[] {
  if (Array.isArray(probe)) return probe;
  return probe && 'ids' in probe ? [probe] : [];
}

/** Name a probe goes by in the metrics. */
export const probeName = (probe: TokenProbe, index: number) => probe.name ?? `probe ${index}`;

const CODES = { missing: 'tokens_not_found', unsuitable: 'tokens_invalid' };

const TOKENS: Wanted = {
  words: 'integers [rows, tokens]',
  suits: ({ shape, dtype }) => shape.length === 2 && !shape.includes(0) && !isFloatDtype(dtype),
};

/** Shape of the calibration tokens of every method of a spec, where it names a tensor. */
export async function calibrationShapes(
  spec: JobSpec,
  checkpoints: CheckpointStore,
): Promise<(TokenShape | undefined)[]> {
  return Promise.all(methodsOf(spec).map(({ method, pointer }) => calibrationShape(method, pointer, checkpoints)));
}

/** The method of a merge, or those of a comparison, and where the spec has them. */
export function methodsOf(spec: JobSpec): { method: Method; pointer: string }[] {
  if (!spec.compare) return [{ method: spec.method, pointer: '/method' }];
  return comparedMethods(spec).map(({ method }, m) => ({ method, pointer: `/compare/methods/${m}` }));
}

async function calibrationShape(
  { calibration }: Method,
  parent: string,
  checkpoints: CheckpointStore,
): Promise<TokenShape | undefined> {
  if (!calibration || 'generate' in calibration) return undefined;
  const { tensor, attention_mask } = calibration;
  const tensors = await NamedTensors.open(calibration, `${parent}/calibration`, CODES, checkpoints);
  return commonShape(tensors, ['tensor', tensor], { attention_mask });
}

/** Shapes of a spec's token probes. ids, labels and masks must be there, and of one shape. */
export function probeShapes(spec: JobSpec, checkpoints: CheckpointStore): Promise<TokenShape[]> {
  const pointer = (i: number) => (Array.isArray(spec.probe) ? `/probe/${i}` : '/probe');
  return Promise.all(tokenProbes(spec).map((probe, i) => probeShape(probe, pointer(i), checkpoints)));
}

async function probeShape(probe: TokenProbe, pointer: string, checkpoints: CheckpointStore): Promise<TokenShape> {
  const { ids, labels, mask, attention_mask } = probe;
  const tensors = await NamedTensors.open(probe, pointer, CODES, checkpoints);
  return commonShape(tensors, ['ids', ids], { labels, mask, attention_mask });
}

/** Shape of the ids. @throws SpecError unless the tensors beside them have the same */
function commonShape(
  tensors: NamedTensors,
  [field, name]: [string, string],
  others: Record<string, string | undefined>,
): TokenShape {
  const ids = tensors.find(name, field, TOKENS).shape;
  const same: Wanted = {
    words: `integers [${ids}], as "${name}" is,`,
    suits: (info) => TOKENS.suits(info) && info.shape.every((extent, axis) => extent === ids[axis]),
  };
  for (const [key, other] of Object.entries(others)) if (other !== undefined) tensors.find(other, key, same);
  return { rows: ids[0], length: ids[1] };
}
