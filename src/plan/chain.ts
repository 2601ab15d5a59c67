import { SpecError } from '../errors.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { ChainModel } from '../schemas/model.js';
import type { SpacePlan, TensorPlan, TensorSource } from '../schemas/plan.js';
import type { WidthGoal } from '../schemas/width.js';
import type { ModelPlan } from './model-plan.js';
import { chainSpace } from './points.js';
import { checkMethod, decideSpace } from './reduced-space.js';
import { outputDtype } from './shards.js';
import { commonDtype, locate, type SourceHeaders } from './sources.js';

const EXACT = 'nothing nonlinear between writer and readers';

interface Layer {
  weights: TensorSource[];
  biases: TensorSource[] | null;
}

/**
 * Spaces and tensors of a chain: `input`, one hidden space h0, h1, … per layer but the last, `output`.
 * @throws SpecError for shapes and widths that cannot be merged
 */
export function planChain(spec: JobSpec, model: ChainModel, headers: readonly SourceHeaders[]): ModelPlan {
  checkMethod(spec);
  checkEndToEnd(spec, model);
  const last = model.layers.length - 1;
  const sliceAt = headers.findIndex(({ slice }) => slice.rows || slice.columns);
  if (sliceAt >= 0 && last > 0)
    throw new SpecError(
      'slice_not_applicable',
      'rows and columns select a slice of one tensor: of an embedding, or of a chain with a single layer.',
      `/sources/${sliceAt}`,
    );
  const layers = model.layers.map((_, l) => readLayer(model, headers, l));
  checkJoints(layers);
  checkShared(model, layers);
  const outWidths = layers.map(({ weights }) => weights.map(({ shape }) => shape[0]));
  const spaces: SpacePlan[] = [
    plainSpace(
      'input',
      model.inputs,
      layers[0].weights.map(({ shape }) => shape[1]),
      [],
      [model.layers[0].weight],
    ),
  ];
  for (let l = 0; l < last; l++) spaces.push(hiddenSpace(spec, model, layers, l));
  spaces.push(plainSpace('output', model.outputs, outWidths[last], [model.layers[last].weight], []));
  const tensors = layers.flatMap((layer, l) => layerTensors(model, layer, l, spaces[l], spaces[l + 1]));
  return {
    spaces,
    tensors,
    probeColumns:
      model.inputs === 'shared' ? [layers[0].weights[0].shape[1]] : layers[0].weights.map(({ shape }) => shape[1]),
    config: chainConfig(model, spaces),
  };
}

/** config.json of a chain; spaces in order, input first. */
export const chainConfig = (model: ChainModel, spaces: readonly SpacePlan[]) => ({
  model_type: 'chain',
  layers: model.layers.map(({ weight, bias }, l) => ({
    weight,
    ...(bias && { bias }),
    in_features: spaces[l].width,
    out_features: spaces[l + 1].width,
  })),
});

function readLayer(model: ChainModel, headers: readonly SourceHeaders[], l: number): Layer {
  const { weight, bias, width } = model.layers[l];
  const pointer = `/model/layers/${l}`;
  const last = l === model.layers.length - 1;
  if (last && width !== undefined)
    throw new SpecError(
      'width_not_applicable',
      'The last layer keeps its outputs; it has no width.',
      `${pointer}/width`,
    );
  if (!last && width === undefined && model.width === undefined)
    throw new SpecError(
      'width_missing',
      `Layer ${l} needs a width, its own or the model's (only the last layer has none).`,
      `${pointer}/width`,
    );
  const repeated = model.layers.findIndex(
    (other, k) => k < l && (other.weight === weight || (bias && other.bias === bias)),
  );
  if (repeated >= 0 || (bias !== undefined && bias === weight))
    throw new SpecError(
      'tensor_repeated',
      `Layer ${l} names a tensor that another place names already; each is written once.`,
      pointer,
    );
  const weights = headers.map((_, i) => locate(headers, i, weight, 2, `${pointer}/weight`));
  if (!bias) return { weights, biases: null };
  const biases = headers.map((_, i) => locate(headers, i, bias, 1, `${pointer}/bias`));
  biases.forEach(({ shape }, i) => {
    if (shape[0] !== weights[i].shape[0])
      throw new SpecError(
        'shape_mismatch',
        `Bias "${bias}" of source ${i} has ${shape[0]} entries, weight "${weight}" has ${weights[i].shape[0]} rows.`,
        `${pointer}/bias`,
      );
  });
  return { weights, biases };
}

function checkJoints(layers: readonly Layer[]): void {
  for (let l = 1; l < layers.length; l++)
    layers[l].weights.forEach(({ shape, tensor }, i) => {
      const before = layers[l - 1].weights[i];
      if (shape[1] !== before.shape[0])
        throw new SpecError(
          'shape_mismatch',
          `Source ${i}: "${tensor}" [${shape}] reads ${shape[1]} inputs, "${before.tensor}" [${before.shape}] writes ${before.shape[0]}.`,
          `/model/layers/${l}/weight`,
        );
    });
}

function checkShared(model: ChainModel, layers: readonly Layer[]): void {
  const check = (what: 'inputs' | 'outputs', l: number, axis: 0 | 1) => {
    if (model[what] !== 'shared') return;
    const widths = layers[l].weights.map(({ shape }) => shape[axis]);
    if (new Set(widths).size > 1)
      throw new SpecError(
        'shape_mismatch',
        `Shared ${what} need the same width in every source; "${model.layers[l].weight}" has ${widths.join(', ')}. Use "concatenated".`,
        `/model/${what}`,
      );
  };
  check('inputs', 0, 1);
  check('outputs', layers.length - 1, 0);
}

function plainSpace(
  name: string,
  kind: 'concatenated' | 'shared',
  widths: number[],
  writers: string[],
  readers: string[],
): SpacePlan {
  const width = kind === 'shared' ? widths[0] : widths.reduce((sum, d) => sum + d, 0);
  return {
    name,
    kind,
    source_widths: widths,
    width,
    width_range: null,
    width_goal: null,
    basis: null,
    reduced: false,
    factorization: null,
    coupled: false,
    legality: 'exact',
    reason: 'kept as it is: E = F = I',
    writers,
    readers,
    constant: 'none',
  };
}

function hiddenSpace(spec: JobSpec, model: ChainModel, layers: readonly Layer[], l: number): SpacePlan {
  const widths = layers[l].weights.map(({ shape }) => shape[0]);
  const constant = constantOf(layers, l);
  const sharedInput = l === 0 && model.inputs === 'shared';
  const own = model.layers[l].width;
  return {
    name: chainSpace(l),
    kind: 'concatenated',
    source_widths: widths,
    ...decideSpace({
      spec,
      widths,
      width: own ?? (model.width as number | WidthGoal),
      endToEnd: own === undefined,
      shapes: layers[l].weights.map(({ shape }) => shape),
      sharedInput,
      dtypes: [l, l + 1].map((at) => outputDtype(spec) ?? commonDtype(layers[at].weights)),
      joint: jointly(spec, model, layers, l),
      pointer: own === undefined ? '/model/width' : `/model/layers/${l}/width`,
    }),
    reduced: true,
    legality: 'exact',
    reason: EXACT,
    writers: [model.layers[l].weight],
    readers: [model.layers[l + 1].weight],
    constant,
  };
}

function constantOf(layers: readonly Layer[], l: number): SpacePlan['constant'] {
  const biased = layers.slice(0, l + 1).some(({ biases }) => biases !== null);
  return !biased ? 'none' : layers[l + 1].biases ? 'reader_bias' : 'basis_column';
}

/** Whether the second moments that make the basis of h_l have blocks between sources. */
function jointly({ method }: JobSpec, model: ChainModel, layers: readonly Layer[], l: number): boolean {
  const column = (at: number) => constantOf(layers, at) === 'basis_column';
  if (method.basis === 'weight') return (l === 0 && model.inputs === 'shared') || column(l);
  if (method.basis === 'activation') return true;
  // Balanced: all spaces see the whole map, so one coupling couples them all.
  const shared = model.inputs === 'shared' || model.outputs === 'shared';
  return shared || method.calibration !== undefined || layers.slice(0, -1).some((_, at) => column(at));
}

/** @throws SpecError where the model's own width asks for what its method cannot promise */
function checkEndToEnd({ method }: JobSpec, model: ChainModel): void {
  if (typeof model.width !== 'object' || !('max_relative_error' in model.width)) return;
  if (method.basis !== 'balanced')
    throw new SpecError(
      'width_not_applicable',
      `An end-to-end error can be promised by basis balanced only, not by ${method.basis}; give each layer a width of its own.`,
      '/model/width',
    );
  if (method.mode === 'separate' && model.inputs === 'shared' && model.outputs === 'shared')
    throw new SpecError(
      'width_not_applicable',
      'Where sources share inputs and outputs, their separate errors do not add up; use mode diag for an end-to-end error.',
      '/model/width',
    );
}

function layerTensors(model: ChainModel, layer: Layer, l: number, from: SpacePlan, to: SpacePlan): TensorPlan[] {
  const { weight, bias } = model.layers[l];
  const common = { layout: 'out_in', out_space: to.name, layer: l } as const;
  const tensors: TensorPlan[] = [
    {
      ...common,
      name: weight,
      role: 'weight',
      dtype: commonDtype(layer.weights),
      shape: [to.width, from.width],
      in_space: from.name,
      sources: layer.weights,
    },
  ];
  if (bias && layer.biases)
    tensors.push({
      ...common,
      name: bias,
      role: 'bias',
      dtype: commonDtype(layer.biases),
      shape: [to.width],
      in_space: null,
      sources: layer.biases,
    });
  return tensors;
}
