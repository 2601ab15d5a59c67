import { causalProbe, LossMeter, labelledProbe, type Probe } from '../../workers/transformer/evaluate/loss.js';
import { batchesOf } from '../../workers/transformer/forward/batch.js';
import { forward } from '../../workers/transformer/forward/run.js';
import type { Model } from '../../workers/transformer/model.js';
import { integers, la } from './support.js';

export async function probesOf(family: 'bert' | 'llama'): Promise<Probe[]> {
  return Promise.all(
    ['eng', 'code'].map(async (domain) => {
      if (family === 'llama') return causalProbe(domain, await integers(`llama.eval.${domain}`));
      const name = `bert.eval.${domain}`;
      const [ids, labels, mask] = [
        await integers(`${name}.ids`),
        await integers(`${name}.labels`),
        await integers(`${name}.mask`),
      ];
      return labelledProbe(domain, ids, labels.ids, mask.ids);
    }),
  );
}

export async function lossOf(model: Model, probe: Probe): Promise<number> {
  const meter = new LossMeter();
  for (const batch of batchesOf(probe.tokens)) {
    const logits = (await forward(la, model, batch))!;
    const from = batch.first * batch.length;
    meter.add(
      await la.download(logits),
      model.architecture.vocabulary,
      probe.labels.subarray(from, from + batch.ids.length),
    );
    la.dispose(logits);
  }
  return meter.mean!;
}

export const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
export const losses = (model: Model, probes: Probe[]) => Promise.all(probes.map((p) => lossOf(model, p)));
