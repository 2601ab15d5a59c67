import { transformerCosts } from '../costs/transformer.js';
import { SpecError } from '../errors.js';
import type { FloatDtype } from '../safetensors/dtype.js';
import { type Architecture, architectureOf } from './architecture.js';
import { bindTensors } from './binding.js';
import { checkLayers, checkSizes } from './bounds.js';
import { unreadKeys } from './check-config.js';
import { checkAgreement, epsilonWarnings } from './compare.js';
import type { Config } from './config-reader.js';
import type { FamilyDescription } from './description.js';
import { refuseExtra } from './extra-tensors.js';
import { grownEpsilon, grownSizes, refuseFittedGrowth } from './growth.js';
import { refuseKeptOfOtherSize } from './kept-tensors.js';
import { withTiedWord } from './model-class.js';
import { keptTensors, outputTensors, withoutMissingParts } from './output-tensors.js';
import type {
  GeneratedCalibration,
  PlannedSource,
  SourceHeaders,
  TransformerPlan,
  TransformerRequest,
} from './plan.js';
import { familyOf } from './registry.js';
import { spaceReports } from './spaces.js';
import { targetConfig, targetSizes } from './target.js';

const DEFAULT_SHARD_BYTES = 5e9;
/** docs/method.md, section 6: 256 sequences from each of two sources were enough on every pair measured. */
const SEQUENCES_PER_SOURCE = 256;
const GENERATED_LENGTH = 64;

const TORCH_NAMES: Record<FloatDtype, string> = { F64: 'float64', F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/**
 * Plan the merge of whole transformers: a pure function of headers and configs, JSON-serialisable.
 * @throws SpecError with a stable code and a pointer into the job spec: `family_unknown`, `sources_differ`,
 *   `class_unsupported`, `config_invalid`, `config_unsupported`, `activation_unsupported`, `tensor_missing`, `tensor_shape`,
 *   `dtype_unsupported`, `extra_tensors`, `width_out_of_range`, `heads_illegal`, `kv_heads_illegal`,
 *   `hidden_size_illegal`, `calibration_missing`, `source_weights_invalid`
 */
export function planTransformer(request: TransformerRequest): TransformerPlan {
  const { mode = 'diag', basis = 'weight', padding = 'orthonormal', extra_tensors: policy = 'fail' } = request;
  const family = familyOf(request.family ?? 'auto', request.sources[0].config);
  const stored = request.sources.map((source, index) => planSource(request, family, source, index));
  checkAgreement(stored);
  refuseExtra(family, stored, policy);
  const sizes = targetSizes(
    family,
    stored.map((s) => s.architecture),
    request.target,
  );
  const dtype = request.output?.dtype ?? widestDtype(stored);
  const config = targetConfig(family, request.sources[0].config, sizes, {
    sources: stored.map((s) => s.architecture),
    dtype: TORCH_NAMES[dtype],
    epsilon: grownEpsilon(stored[0].architecture, sizes, stored.length),
  });
  const target = architectureOf(family, config, '/target');
  const { sources, leftOut } = withoutMissingParts(family, stored, target);
  if (policy === 'keep_first') refuseKeptOfOtherSize(sources, request.sources[0], target);
  const calibration = calibrationOf(request, target);
  const fit = calibration && request.fit !== 'closed_form' ? 'calibrated' : 'closed_form';
  const grown = grownSizes(sources, target);
  refuseFittedGrowth(grown, calibration !== null);
  const tensors = outputTensors(family, sources, target, dtype);
  if (policy === 'keep_first') tensors.push(...keptTensors(sources[0], request.sources[0]));
  const plan: Omit<TransformerPlan, 'costs'> = {
    version: 1,
    kind: 'transformer',
    family: family.family,
    description: family,
    fit,
    mode,
    basis: fit === 'calibrated' ? 'activation' : basis,
    padding,
    source_weights: sourceWeights(request),
    sources,
    target,
    config,
    tensors,
    max_shard_bytes: request.output?.max_shard_bytes ?? DEFAULT_SHARD_BYTES,
    extra_tensors: {
      policy,
      kept: policy === 'keep_first' ? sources[0].extra : [],
      dropped: policy === 'keep_first' ? sources.slice(1).flatMap((s) => s.extra) : sources.flatMap((s) => s.extra),
    },
    left_out: leftOut,
    spaces: spaceReports(sources, target, { fit, padding, basis }),
    calibration,
  };
  const warnings = [
    ...request.sources.flatMap(({ label, config }) => unreadWarning(family, label, config)),
    ...epsilonWarnings(stored),
  ];
  return {
    ...plan,
    costs: transformerCosts(plan, request.probes, request.machine),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

function unreadWarning(family: FamilyDescription, label: string, config: Config): string[] {
  const keys = unreadKeys(family, config);
  if (keys.length === 0) return [];
  return [
    `These keys of source "${label}" have no effect in a ${family.family} model: ${keys.join(', ')} (config.json).`,
  ];
}

function planSource(
  request: TransformerRequest,
  family: FamilyDescription,
  source: SourceHeaders,
  index: number,
): PlannedSource {
  const pointer = `/sources/${index}`;
  const { label } = source;
  const own = index === 0 ? family : familyOf(request.family ?? 'auto', source.config);
  if (own.family !== family.family)
    throw new SpecError(
      'sources_differ',
      `Sources "${request.sources[0].label}" and "${label}" differ in family (${family.family} and ${own.family}).`,
      pointer,
    );
  const architecture = architectureOf(family, source.config, pointer, source.tensors);
  checkLayers(family, architecture, source.tensors, pointer);
  const tensors = withTiedWord(family, source.config, source.tensors, pointer);
  const bound = bindTensors(family, architecture, tensors, pointer);
  checkSizes(family, architecture, source.tensors, pointer);
  return { label, architecture, ...bound };
}

function widestDtype(sources: readonly PlannedSource[]): FloatDtype {
  const used = new Set(sources.flatMap((s) => s.bindings.map((b) => b.dtype)));
  const order: FloatDtype[] = ['F64', 'F32'];
  const wide = order.find((dtype) => used.has(dtype));
  // F16 and BF16 together fit in neither.
  return wide ?? (used.size === 1 ? [...used][0] : 'F32');
}

function sourceWeights({ source_weights: weights, sources }: TransformerRequest): number[] {
  if (!weights) return sources.map(() => 1 / sources.length);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (weights.length !== sources.length || Math.abs(total - 1) > 1e-6 || weights.some((weight) => weight < 0))
    throw new SpecError(
      'source_weights_invalid',
      `source_weights must hold ${sources.length} non-negative numbers with sum 1; got ${weights.length} with sum ${total}.`,
      '/source_weights',
    );
  return weights;
}

function calibrationOf({ calibration, fit = 'auto', basis, sources }: TransformerRequest, target: Architecture) {
  if (basis !== 'activation' && (fit === 'closed_form' || (fit === 'auto' && !calibration))) return null;
  if (!calibration)
    throw new SpecError(
      'calibration_missing',
      'fit "calibrated" and basis "activation" need method.calibration: tokens from a checkpoint file, or {"generate": {}}.',
      '/method/calibration',
    );
  if (!('generate' in calibration)) return { rows: calibration.rows, length: calibration.length };
  const limit = target.positions
    ? target.positions - (target.positionsSkipPadding ? target.positionOffset! : 0)
    : GENERATED_LENGTH;
  const generate: GeneratedCalibration = {
    sequences: calibration.generate.sequences ?? SEQUENCES_PER_SOURCE * sources.length,
    length: calibration.generate.length ?? Math.min(GENERATED_LENGTH, limit),
    seed: calibration.generate.seed ?? 1,
    mask_token_id: calibration.generate.mask_token_id ?? maskToken(sources[0].config, target.vocabulary),
  };
  if (target.head === 'none')
    throw new SpecError(
      'calibration_missing',
      `${target.className} has no language-model head to generate calibration tokens with; give tokens from a file.`,
      '/method/calibration',
    );
  return { generate };
}

/** Google's BERT vocabularies start at 28 996 words and all hold [MASK] at 103; others put their mask last. */
const GOOGLE_VOCABULARY = 28996;
const GOOGLE_MASK = 103;

function maskToken(config: Config, vocabulary: number): number {
  if (typeof config.mask_token_id === 'number') return config.mask_token_id;
  return config.model_type === 'bert' && vocabulary >= GOOGLE_VOCABULARY ? GOOGLE_MASK : vocabulary - 1;
}
