import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TransformerRequest } from '../../src/families/plan.js';
import { planTransformer } from '../../src/families/plan-transformer.js';
import {
  evaluateStep,
  labelledProbe,
  mergeTransformer,
  nextIdProbe,
  type Probe,
  verifyOutput,
} from '../../workers/transformer/index.js';
import { fixture, integers, la } from './support.js';

export function probesOf(family: 'bert' | 'llama'): Promise<Probe[]> {
  return Promise.all(
    ['eng', 'code'].map(async (domain) => {
      if (family === 'llama') return nextIdProbe(domain, await integers(`llama.eval.${domain}`));
      const [ids, labels, mask] = await Promise.all(
        ['ids', 'labels', 'mask'].map((part) => integers(`bert.eval.${domain}.${part}`)),
      );
      return labelledProbe(domain, ids, labels.ids, mask.ids);
    }),
  );
}

/** Merge a fixture pair to (width, heads, units) from files to files, verify it, and evaluate what was stored. */
export async function mergePair(
  family: 'bert' | 'llama',
  [hidden_size, num_attention_heads, intermediate_size]: number[],
  calibration: 'file' | 'none' | { generate: { sequences: number } },
) {
  const sources = await Promise.all(['a', 'b'].map((name) => fixture(`${family}-${name}`)));
  const tokens = await integers(`${family}.calibration.ids`);
  const request: TransformerRequest = {
    sources: sources.map((s, i) => ({ label: `${family}-${'ab'[i]}`, config: s.config, tensors: s.reader.tensors })),
    target: { hidden_size, num_attention_heads, intermediate_size },
  };
  if (calibration === 'file') request.calibration = tokens;
  else if (calibration !== 'none') request.calibration = calibration;
  const plan = planTransformer(request);
  const directory = mkdtempSync(path.join(os.tmpdir(), 'pair-'));
  const readers = sources.map((s) => s.reader);
  try {
    await mergeTransformer(plan, readers, la, directory, { calibration: tokens });
    await verifyOutput(plan, directory, la);
    return await evaluateStep(plan, readers, la, directory, { probes: await probesOf(family) });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
