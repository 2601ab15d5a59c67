import type { Architecture } from './architecture.js';
import { type Binding, spaceWidth } from './binding.js';
import type { Slot, Space } from './description.js';
import { grownSizes } from './growth.js';
import type { PlannedSource, SpaceReport, TransformerPlan } from './plan.js';

/** Slots whose output lies on the space their tensor names first; all other axes are read. */
const WRITES: Partial<Record<Slot, Space>> = {
  word: 'residual',
  position: 'residual',
  type: 'residual',
  o: 'residual',
  down: 'residual',
  q: 'heads',
  k: 'heads',
  v: 'heads',
  up: 'ffn',
  gate: 'ffn',
  transform: 'transform',
  pooler: 'pooler',
  decoder: 'vocabulary',
};
const READS: Partial<Record<Slot, Space>> = {
  q: 'residual',
  k: 'residual',
  v: 'residual',
  up: 'residual',
  gate: 'residual',
  transform: 'residual',
  pooler: 'residual',
  o: 'heads',
  down: 'ffn',
};

/** The inverse index: which tensors write and read a space. @param bindings where the space is a layer's, of that layer */
function users(bindings: readonly Binding[], space: Space, layer: number | null, masked: boolean) {
  const of = (table: Partial<Record<Slot, Space>>) =>
    bindings
      .filter((b) => b.part === 'weight' && b.slots.some((slot) => table[slot] === space))
      .map((b) => b.canonical);
  const decoder = bindings.find((b) => b.slots[0] === 'decoder' && b.part === 'weight');
  const readers = of(READS);
  if (decoder && layer === null && space === (masked ? 'transform' : 'residual')) readers.push(decoder.canonical);
  return { writers: of(WRITES), readers };
}

const REASONS = {
  rms: 'gains are absorbed into the readers and RMSNorm commutes with orthonormal maps; joint norms are matched once per norm',
  layer: 'gains and biases are absorbed; the stream is mapped into the hyperplane whose mean LayerNorm subtracts is 0',
  post: 'the normed output is itself the stream (post-norm), so its gains cannot be absorbed',
  balanced:
    '; its directions weigh what the tensors around it write by what they read (balanced in its local form, a heuristic), orthonormal because a norm reads them',
  full: 'every direction is kept',
  output:
    'the gain of the last norm, whose output is the model’s, is kept as its diagonal: last_hidden_state is E·h only nearly',
  heads: 'softmax couples a head’s dimensions: whole heads (with grouped queries, whole groups) are selected',
  ffn: 'an elementwise nonlinearity sits on the units: whole units are selected',
  transform: 'an elementwise nonlinearity sits on the transform: whole units are selected',
  pooler: 'tanh sits on the pooler: whole units are selected',
  vocabulary: 'all sources share one vocabulary; their logits are averaged',
};

const GROWN = {
  rms: 'wider than its one source: E has orthonormal columns, F = Eᵀ, gains and √(d/r) are absorbed into the readers, ε is scaled by d/r',
  layer:
    'wider than its one source: E has orthonormal columns in the hyperplane whose mean LayerNorm subtracts is 0, F = Eᵀ, gains, biases and √(d/r) are absorbed, ε is scaled by d/r',
  post: 'whole copies of the stream keep every norm as it is; readers’ columns are split unequally between the copies',
  heads: 'whole key-value groups are copied, the output columns split unequally between the copies',
  ffn: 'units are copied, their down columns split unequally between the copies',
  transform: 'units are copied, which keeps the norm behind them; the decoder’s columns are split unequally',
  pooler: 'units are copied; what reads the pooled output sees them twice or more',
  headless:
    'wider than its one source: the source’s own units, then units that nothing writes yet and every reader reads (E = [I; 0], F = [I, G]); last_hidden_state is [the source’s, 0] = E·h, ε is scaled by d/r',
  dead: 'the source’s own, and further ones without weights (padding zero)',
};

/** Every space of the model with what may be done to it and why. */
export function spaceReports(
  sources: readonly PlannedSource[],
  target: Architecture,
  { fit, padding, basis }: Pick<TransformerPlan, 'fit' | 'padding' | 'basis'>,
): SpaceReport[] {
  const masked = target.head === 'masked';
  const { bindings } = sources[0];
  const byLayer: Binding[][] = Array.from({ length: target.layers }, () => []);
  for (const binding of bindings) if (binding.layer !== null) byLayer[binding.layer].push(binding);
  const report = (
    name: string,
    space: Space,
    layer: number | null,
    legality: SpaceReport['legality'],
    why: string,
  ) => ({
    name,
    kind: space === 'vocabulary' ? ('shared' as const) : ('concatenated' as const),
    source_widths: sources.map((s) => spaceWidth(s.architecture, space)),
    width: spaceWidth(target, space),
    legality,
    reason: why,
    ...users(layer === null ? bindings : byLayer[layer], space, layer, masked),
  });
  const whole = (space: Space) =>
    spaceWidth(target, space) === sources.reduce((sum, s) => sum + spaceWidth(s.architecture, space), 0);
  const dropped = (space: Space) => {
    if (fit === 'calibrated') return 'the maps around the kept ones are fitted to calibration data';
    return space === 'pooler'
      ? 'the dropped ones are left out, for no tensor of the model reads the pooled output and could take them over'
      : 'the dropped ones are folded into the kept ones by least squares';
  };
  const grown = grownSizes(sources, target);
  const wider = { ffn: grown.ffn, heads: grown.heads, transform: grown.hidden, pooler: grown.hidden };
  const selected = (name: string, space: keyof typeof wider, layer: number | null, why: string) => {
    if (wider[space]) {
      const dead = padding === 'zero' && (space === 'ffn' || space === 'heads');
      return report(name, space, layer, 'exact', dead ? GROWN.dead : GROWN[space]);
    }
    return whole(space)
      ? report(name, space, layer, 'exact', REASONS.full)
      : report(name, space, layer, 'selection', `${why}; ${dropped(space)}`);
  };
  const post = target.placement === 'post';
  const residual = () => {
    const headless = target.head === 'none';
    if (!grown.hidden) {
      if (post) return ['approximate', REASONS.post] as const;
      const diagonal = headless && !(whole('residual') && fit === 'closed_form');
      return diagonal
        ? (['approximate', `${REASONS[target.norm]}; ${REASONS.output}`] as const)
        : (['exact', REASONS[target.norm]] as const);
    }
    if (post) return ['exact', GROWN.post] as const;
    if (padding === 'zero') return ['exact', `${GROWN.dead}; ε is scaled by d/r`] as const;
    return ['exact', headless ? GROWN.headless : GROWN[target.norm]] as const;
  };
  const [legality, why] = residual();
  const chosen = () => {
    if (fit === 'calibrated') return '; every map around it is then fitted to calibration data';
    return basis === 'balanced' && !whole('residual') && !grown.hidden ? REASONS.balanced : '';
  };
  const reports = [report('residual', 'residual', null, legality, why + chosen())];
  for (let layer = 0; layer < target.layers; layer++)
    reports.push(
      selected(`layer.${layer}.heads`, 'heads', layer, REASONS.heads),
      selected(`layer.${layer}.ffn`, 'ffn', layer, REASONS.ffn),
    );
  if (masked) reports.push(selected('transform', 'transform', null, REASONS.transform));
  if (sources.every((s) => s.bindings.some((b) => b.slots[0] === 'pooler')))
    reports.push(selected('pooler', 'pooler', null, REASONS.pooler));
  if (target.head !== 'none') {
    const vocabulary = report('vocabulary', 'vocabulary', null, 'exact', REASONS.vocabulary);
    reports.push({ ...vocabulary, source_widths: [target.vocabulary] });
  }
  return reports;
}
