import { encodeInRange } from '../../src/safetensors/range.js';
import { SafetensorsWriter } from '../../src/safetensors/writer.js';
import type { TensorPlan } from '../../src/schemas/plan.js';
import type { FloatArray } from '../linalg/contract.js';
import { loadBasis, releaseBasis } from './basis.js';
import { rewriteBias } from './bias.js';
import type { StepContext } from './context.js';
import { type Axis, denseFold, rewriteMatrix, rewriteTable } from './rewrite.js';

/** Write one output file: every tensor in it rewritten, in file order, straight to its final bytes. */
export async function foldStep(context: StepContext, step: string, file: string): Promise<void> {
  const { plan, steps, watch, signal } = context;
  const shard = plan.shards.find((s) => s.file === file);
  if (!shard) throw new Error(`The plan has no file ${file}.`);
  const tensors = shard.tensors.map((name) => {
    const tensor = plan.tensors.find((t) => t.name === name);
    if (!tensor) throw new Error(`The plan has no tensor ${name}.`);
    return tensor;
  });
  const writer = await SafetensorsWriter.create(steps.target(file), tensors);
  try {
    for (const tensor of tensors) {
      signal?.throwIfAborted();
      await foldTensor(context, tensor, async (values) => {
        const stop = watch.start('write');
        await writer.write(encodeInRange(values, tensor));
        stop();
      });
    }
    const stop = watch.start('write');
    const written = await writer.finish(false);
    stop();
    await steps.finish(step, { [file]: written });
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function foldTensor(
  context: StepContext,
  tensor: TensorPlan,
  emit: (values: FloatArray) => Promise<void>,
): Promise<void> {
  const { plan, la, reader } = context;
  if (tensor.role === 'bias') return emit(await rewriteBias(context, tensor));
  const out = await axisOf(context, tensor.out_space);
  if (tensor.role === 'fold') {
    await emit(await denseFold(la, out, plan.precision));
    return releaseBasis(context, out.basis);
  }
  const into = await axisOf(context, tensor.in_space as string);
  const input = { la, reader, precision: plan.precision, tensor, out, into, sourceWeights: plan.source_weights };
  if (tensor.layout === 'in_out') await rewriteTable(input, emit);
  else await emit(await rewriteMatrix(input));
  releaseBasis(context, out.basis);
  releaseBasis(context, into.basis);
}

async function axisOf(context: StepContext, name: string): Promise<Axis> {
  const space = context.plan.spaces.find((s) => s.name === name);
  if (!space) throw new Error(`The plan has no space ${name}.`);
  return { space, basis: await loadBasis(context, name) };
}
