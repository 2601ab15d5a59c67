import type { FloatArray, LinearAlgebra, Matrix } from '../../linalg/contract.js';
import { sideBySide } from '../calibrated/joint.js';
import { type Control, checkCancelled } from '../control.js';
import { batchesOf, checkTokens, countTokens, squaredDistance, type Tokens } from '../forward/batch.js';
import { normalise } from '../forward/norm.js';
import { advance, embed, logitsOf, normStep, type Step } from '../forward/run.js';
import type { Model } from '../model.js';
import { checkLabels, LossMeter, logSumExp, type Probe } from './loss.js';

/** Losses in nats; null for models without a language-model head. */
export interface ProbeMetrics {
  name: string;
  tokens: number;
  /** Places whose label is counted. */
  counted: number;
  source_losses: (number | null)[];
  /** Of the mean of the sources' logits: needs all of them at once. */
  mean_of_sources_loss: number | null;
  result_loss: number | null;
  /** Mean KL(mean of the sources ‖ result), in nats. */
  kl_to_mean: number | null;
  /** Share of places where both give the same id the highest logit. */
  top1_agreement: number | null;
  /** Per norm k: ‖x_k − E·n_k‖ / ‖E·n_k‖ of the normalised streams. */
  stream_error: number[];
}

export interface TransformerMetrics {
  probes: ProbeMetrics[];
  /** Means over the probes. */
  mean: { source_losses: (number | null)[]; mean_of_sources_loss: number | null; result_loss: number | null };
}

export interface EvaluationInput {
  sources: readonly Model[];
  result: Model;
  /** E, [r, D]. */
  expand: Matrix;
  source_weights: readonly number[];
  probes: readonly Probe[];
}

/** Sources, the mean of their logits, and the result on every probe, in lockstep, batch by batch. */
export async function evaluateTransformer(
  la: LinearAlgebra,
  input: EvaluationInput,
  { signal, onProgress }: Control = {},
): Promise<TransformerMetrics> {
  const probes: ProbeMetrics[] = [];
  for (const [index, probe] of input.probes.entries()) {
    checkTokens(probe.tokens, input.result.architecture, `Probe "${probe.name}"`);
    checkLabels(probe, input.result.architecture.vocabulary);
    probes.push(await evaluateProbe(la, input, probe, signal));
    onProgress?.({ phase: 'evaluate', completed: index + 1, total: input.probes.length });
  }
  const mean = (of: (p: ProbeMetrics) => number | null) => {
    const values = probes.map(of);
    return values.length > 0 && values.every((v) => v !== null)
      ? values.reduce((sum, v) => sum + (v as number), 0) / values.length
      : null;
  };
  return {
    probes,
    mean: {
      source_losses: input.sources.map((_, i) => mean((p) => p.source_losses[i])),
      mean_of_sources_loss: mean((p) => p.mean_of_sources_loss),
      result_loss: mean((p) => p.result_loss),
    },
  };
}

/** Activations of sources and result are held for one batch at a time; logits too, so batches shrink with the vocabulary. */
async function evaluateProbe(
  la: LinearAlgebra,
  input: EvaluationInput,
  probe: Probe,
  signal: AbortSignal | undefined,
): Promise<ProbeMetrics> {
  const { vocabulary } = input.result.architecture;
  const meters = input.sources.map(() => new LossMeter());
  const [meanMeter, resultMeter, streams] = [new LossMeter(), new LossMeter(), new StreamErrors(la, input)];
  const agreement = { kl: 0, same: 0, places: 0 };
  let hasLogits = true;
  for (const batch of batchesOf(probe.tokens, evaluationTokens(vocabulary))) {
    checkCancelled(signal);
    const from = batch.first * batch.length;
    const labels = probe.labels.subarray(from, from + batch.ids.length);
    const logits = await streams.run(batch);
    if (logits.some((l) => l === null)) {
      hasLogits = false;
      continue;
    }
    const values = await Promise.all(logits.map((l) => la.download(l!)));
    const mean = weightedMean(values.slice(0, -1), input.source_weights);
    const result = values.at(-1)!;
    meters.forEach((meter, i) => {
      meter.add(values[i], vocabulary, labels);
    });
    meanMeter.add(mean, vocabulary, labels);
    resultMeter.add(result, vocabulary, labels);
    compare(mean, result, vocabulary, labels, agreement);
    for (const l of logits) la.dispose(l!);
  }
  const { kl, same, places } = agreement;
  return {
    name: probe.name,
    tokens: countTokens(probe.tokens),
    counted: probe.labels.reduce((count, label) => count + (label >= 0 ? 1 : 0), 0),
    source_losses: meters.map((meter) => meter.mean),
    mean_of_sources_loss: meanMeter.mean,
    result_loss: resultMeter.mean,
    kl_to_mean: hasLogits && places > 0 ? kl / places : null,
    top1_agreement: hasLogits && places > 0 ? same / places : null,
    stream_error: streams.relative(),
  };
}

/** At most 64 MB of float32 logits per model. */
const evaluationTokens = (vocabulary: number) => Math.min(4096, Math.max(64, Math.floor(16e6 / vocabulary)));

function weightedMean(parts: readonly FloatArray[], weights: readonly number[]): Float32Array {
  const out = new Float32Array(parts[0].length);
  parts.forEach((part, i) => {
    for (let j = 0; j < out.length; j++) out[j] += weights[i] * part[j];
  });
  return out;
}

/** KL(p ‖ q) = Σ p·(log p − log q), and whether both have the same top id, at counted places. */
function compare(
  mean: FloatArray,
  result: FloatArray,
  vocabulary: number,
  labels: Int32Array,
  into: { kl: number; same: number; places: number },
): void {
  for (let t = 0; t < labels.length; t++) {
    if (labels[t] < 0) continue;
    const [from, to] = [t * vocabulary, (t + 1) * vocabulary];
    const [zp, zq] = [logSumExp(mean, from, to), logSumExp(result, from, to)];
    let [topP, topQ] = [from, from];
    for (let j = from; j < to; j++) {
      into.kl += Math.exp(mean[j] - zp) * (mean[j] - zp - (result[j] - zq));
      if (mean[j] > mean[topP]) topP = j;
      if (result[j] > result[topQ]) topQ = j;
    }
    if (topP === topQ) into.same++;
    into.places++;
  }
}

/** Runs all models side by side and measures how far the result's normed streams are from their targets. */
class StreamErrors {
  private readonly la: LinearAlgebra;
  private readonly input: EvaluationInput;
  private readonly wrong: Float64Array;
  private readonly whole: Float64Array;

  constructor(la: LinearAlgebra, input: EvaluationInput) {
    this.la = la;
    this.input = input;
    this.wrong = new Float64Array(2 * input.result.architecture.layers + 1);
    this.whole = new Float64Array(this.wrong.length);
  }

  /** @returns logits of every source, then of the result. */
  async run(tokens: Tokens): Promise<(Matrix | null)[]> {
    const { la } = this;
    const models = [...this.input.sources, this.input.result];
    let streams = await Promise.all(models.map((model) => embed(la, model, tokens)));
    for (let k = 0; ; k++) {
      const steps = await Promise.all(models.map((model, i) => normStep(model, k, streams[i])));
      await this.measure(k, steps, tokens);
      if (k === this.wrong.length - 1) return Promise.all(models.map((m, i) => logitsOf(la, m, steps[i].normed)));
      const next: FloatArray[] = [];
      for (const [i, model] of models.entries()) {
        const { stream, hidden } = await advance(la, model, tokens, steps[i]);
        la.dispose(hidden);
        next.push(stream);
      }
      streams = next;
    }
  }

  private async measure(k: number, steps: readonly Step[], tokens: Tokens): Promise<void> {
    const { la } = this;
    const { architecture: a } = this.input.result;
    const widths = this.input.sources.map((m) => m.architecture.hidden);
    const joined = sideBySide(
      steps.slice(0, -1).map((s) => s.unit),
      widths,
      tokens.ids.length,
    );
    const unit = la.upload(joined, tokens.ids.length, this.input.expand.cols);
    const mapped = await la.gemm(unit, this.input.expand, { transB: true });
    const goal = normalise(await la.download(mapped), a.hidden, a.norm, 0).unit;
    const own = steps.at(-1)!.unit;
    const { wrong, whole } = squaredDistance(own, goal, a.hidden, tokens.attention);
    this.wrong[k] += wrong;
    this.whole[k] += whole;
    la.dispose(unit);
    la.dispose(mapped);
  }

  relative(): number[] {
    return Array.from(this.wrong, (wrong, k) => (this.whole[k] > 0 ? Math.sqrt(wrong / this.whole[k]) : 0));
  }
}
