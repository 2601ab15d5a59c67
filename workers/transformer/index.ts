/**
 * Whole transformers: what the worker calls, in this order. Every step goes from files to files in one work directory
 * and may be run again after a crash.
 *
 * 1. `planTransformer(request)` (src/families/plan-transformer) – control plane; the plan is JSON.
 * 2. `mergeTransformer(plan, sources, la, workDir, {signal, onProgress, calibration})` – phases basis, fold, publish;
 *    writes `model*.safetensors` (with index where sharded), `config.json`, `bases.safetensors`, `merge.json`.
 *    `calibration` is needed where `plan.calibration` states rows and length: `Tokens` from `readIntegers`.
 *    Calibrated: streams are spilled to `workDir/spill`, about 4·tokens·(D + r + max(ffn, heads·head_dim)) bytes.
 * 3. `evaluateStep(plan, sources, la, workDir, {probes, …})` – phase evaluate; returns the metrics.
 *    Probes: `nextIdProbe(name, tokens)` or `labelledProbe(name, tokens, labels, mask)`.
 * 4. `verifyOutput(plan, workDir, la)` – reload, compare with config.json and plan, finite forward pass.
 * 5. `modelCard(plan, metrics)` – README.md of the result.
 *
 * `sources` are open `CheckpointReader`s in the order of the request. Tokenizer files are the caller's to copy;
 * `bases.safetensors` and `merge.json` are no part of the model (the reader takes `model.safetensors` or the index).
 */
export type { Control } from './control.js';
export { evaluateTransformer, type ProbeMetrics, type TransformerMetrics } from './evaluate/evaluate.js';
export { labelledProbe, nextIdProbe, type Probe } from './evaluate/loss.js';
export type { Tokens } from './forward/batch.js';
export { forward } from './forward/run.js';
export { generateTokens } from './generate/generate.js';
export { type Model, storedModel } from './model.js';
export { modelCard } from './output/card.js';
export { verifyOutput } from './output/verify.js';
export { evaluateStep, type MergeSummary, mergeTransformer, openResult, sourceModels } from './steps.js';
export { type IntegerTensor, readIntegers } from './tokens.js';
