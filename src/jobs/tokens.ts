import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { CheckpointStore } from '../checkpoints/checkpoint-store.js';
import { CheckpointReader } from '../checkpoints/reader.js';
import { SpecError } from '../errors.js';
import { comparedMethods } from '../plan/comparison.js';
import type { TokenShape } from '../plan/whole-model.js';
import { isFloatDtype } from '../safetensors/dtype.js';
import type { TensorInfo } from '../safetensors/header.js';
import { LARGEST_HEADER_BYTES } from '../safetensors/header.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Method } from '../schemas/method.js';
import type { TokenProbe } from '../schemas/probe.js';

/** The token probes of a spec, in order; none where it names none. */
export function tokenProbes({ probe }: JobSpec): TokenProbe[] {
  if (Array.isArray(probe)) return probe;
  return 'ids' in probe ? [probe] : [];
}

/** Name a probe goes by in the metrics. */
export const probeName = (probe: TokenProbe, index: number) => probe.name ?? `probe ${index}`;

/** Tensors of one file of an uploaded checkpoint. @throws SpecError when there is no such file */
export async function tensorsOf(
  { checkpoint, file }: { checkpoint: string; file: string },
  pointer: string,
  checkpoints: CheckpointStore,
): Promise<ReadonlyMap<string, TensorInfo>> {
  const location = path.join(checkpoints.folder(checkpoint), file);
  const info = await stat(location).catch(() => undefined);
  if (!info?.isFile())
    throw new SpecError('tokens_not_found', `Checkpoint "${checkpoint}" has no file "${file}".`, pointer);
  const reader = await CheckpointReader.openFiles([location], LARGEST_HEADER_BYTES);
  await reader.close();
  return reader.tensors;
}

function tokenShape(tensors: ReadonlyMap<string, TensorInfo>, name: string, pointer: string): TokenShape {
  const info = tensors.get(name);
  if (!info) throw new SpecError('tokens_not_found', `The file has no tensor "${name}".`, pointer);
  if (info.shape.length !== 2 || info.shape.includes(0) || isFloatDtype(info.dtype))
    throw new SpecError(
      'tokens_invalid',
      `Tensor "${name}" is ${info.dtype} [${info.shape}]; integers [rows, tokens] are needed.`,
      pointer,
    );
  return { rows: info.shape[0], length: info.shape[1] };
}

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
  const pointer = `${parent}/calibration`;
  const tensors = await tensorsOf(calibration, pointer, checkpoints);
  return commonShape(tensors, calibration.tensor, [calibration.attention_mask], pointer);
}

/** Shapes of a spec's token probes. ids, labels and masks must be there, and of one shape. */
export function probeShapes(spec: JobSpec, checkpoints: CheckpointStore): Promise<TokenShape[]> {
  return Promise.all(tokenProbes(spec).map((probe, i) => probeShape(probe, `/probe/${i}`, checkpoints)));
}

async function probeShape(probe: TokenProbe, pointer: string, checkpoints: CheckpointStore): Promise<TokenShape> {
  const tensors = await tensorsOf(probe, pointer, checkpoints);
  return commonShape(tensors, probe.ids, [probe.labels, probe.mask, probe.attention_mask], pointer);
}

/** Shape of the ids. @throws SpecError unless the tensors beside them have the same */
function commonShape(
  tensors: ReadonlyMap<string, TensorInfo>,
  idsName: string,
  others: readonly (string | undefined)[],
  pointer: string,
): TokenShape {
  const ids = tokenShape(tensors, idsName, pointer);
  for (const name of others) {
    if (name === undefined) continue;
    const shape = tokenShape(tensors, name, pointer);
    if (shape.rows !== ids.rows || shape.length !== ids.length)
      throw new SpecError(
        'tokens_invalid',
        `Tensor "${name}" is [${shape.rows}, ${shape.length}], "${idsName}" is [${ids.rows}, ${ids.length}]; they must agree.`,
        pointer,
      );
  }
  return ids;
}
