import path from 'node:path';
import { notebookData, notebookModel, writeNotebookModel } from '../src/quickstart/notebook-data.js';
import { encodeFloats } from '../src/safetensors/dtype.js';
import { SafetensorsWriter } from '../src/safetensors/writer.js';
import type { JobSpecInput } from '../src/schemas/job-spec.js';
import { BERT_BASE, writeBert } from './bert-base.js';

/** A folder below the bench's that a case reads, and how it is made. */
export interface PlanSource {
  folder: string;
  write?: (folder: string) => Promise<void>;
}

/** A job whose plan is held against what it then takes. */
export interface PlanCase {
  name: string;
  sources: PlanSource[];
  spec: Omit<JobSpecInput, 'sources'>;
}

const FIXTURES = path.resolve('test/fixtures');
const tokens = { checkpoint: 'tokens', file: 'tokens.safetensors' };

const layers = (widths: readonly number[], share: number) =>
  widths.slice(1).map((_, l) => ({
    weight: `w${l}`,
    ...(l < widths.length - 2 && { width: Math.round(share * widths[l + 1]) }),
  }));

/** A spread of jobs: shapes, methods and families. */
export function planCases(): PlanCase[] {
  const notebook = ['a', 'b'].map(
    (name, i): PlanSource => ({
      folder: name,
      write: (folder) =>
        writeNotebookModel(path.join(folder, 'model.safetensors'), [notebookData().a, notebookData().b][i]),
    }),
  );
  const chain = (label: string, count: number, widths: number[]) =>
    Array.from(
      { length: count },
      (_, i): PlanSource => ({
        folder: `${label}-${i}`,
        write: (folder) => writeTensors(folder, widths),
      }),
    );
  const small = chain('small', 2, [128, 128, 128, 128]);
  const square = chain('square', 2, [1024, 1024, 1024]);
  const wide = chain('wide', 2, [2048, 2048, 2048]);
  const four = chain('four', 4, [256, 1024, 512, 256]);
  const [table] = chain('table', 1, [768, 30522]); // one tensor [30522, 768]
  const bertBase = ['a', 'b'].map(
    (name): PlanSource => ({
      folder: `bert-base-${name}`,
      write: (folder) => writeBert(folder, BERT_BASE),
    }),
  );
  const chainOf = (widths: number[], share: number, more: object = {}) => ({
    model: { family: 'chain' as const, layers: layers(widths, share), ...more },
  });
  const fixture = (family: 'llama' | 'bert') =>
    ['a', 'b'].map((name): PlanSource => ({ folder: path.join(FIXTURES, `${family}-${name}`) }));
  const target = { hidden_size: 192, num_attention_heads: 6 };
  const llama = {
    model: { family: 'auto' as const },
    target: { ...target, intermediate_size: 528 },
    probe: { ...tokens, ids: 'llama.eval.eng' },
  };
  const bert = {
    model: { family: 'auto' as const },
    target: { ...target, intermediate_size: 768 },
    probe: { ...tokens, ids: 'bert.eval.eng.ids', labels: 'bert.eval.eng.labels', mask: 'bert.eval.eng.mask' },
  };
  return [
    { name: 'notebook, diag', sources: notebook, spec: { model: notebookModel() } },
    { name: 'notebook, separate', sources: notebook, spec: { model: notebookModel(), method: { mode: 'separate' } } },
    {
      name: 'notebook, randomized',
      sources: notebook,
      spec: { model: notebookModel(), method: { solver: { type: 'randomized' } } },
    },
    { name: 'notebook, balanced', sources: notebook, spec: { model: notebookModel(), method: { basis: 'balanced' } } },
    { name: 'chain 3 × 128', sources: small, spec: chainOf([128, 128, 128, 128], 1.5) },
    { name: 'chain 2 × 1024', sources: square, spec: chainOf([1024, 1024, 1024], 1.5) },
    { name: 'chain 2 × 2048', sources: wide, spec: chainOf([2048, 2048, 2048], 1.5) },
    {
      name: 'chain 2 × 1024, shared in and out',
      sources: square,
      spec: chainOf([1024, 1024, 1024], 1.5, { inputs: 'shared', outputs: 'shared' }),
    },
    { name: 'chain 1024, 512, four sources', sources: four, spec: chainOf([256, 1024, 512, 256], 2) },
    {
      name: 'embedding 30522 × 768, halves',
      sources: [table, table],
      spec: { model: { family: 'embedding', tensor: 'w0', width: 512 } },
    },
    { name: 'Llama fixtures, closed form', sources: fixture('llama'), spec: llama },
    {
      name: 'Llama fixtures, calibrated',
      sources: fixture('llama'),
      spec: { ...llama, method: { calibration: { ...tokens, tensor: 'llama.calibration.ids' } } },
    },
    {
      name: 'Llama fixtures, generated',
      sources: fixture('llama'),
      spec: { ...llama, method: { calibration: { generate: { sequences: 128 } } } },
    },
    {
      name: 'BERT fixtures, calibrated',
      sources: fixture('bert'),
      spec: { ...bert, method: { calibration: { ...tokens, tensor: 'bert.calibration.ids' } } },
    },
    {
      name: 'BERT fixtures, generated',
      sources: fixture('bert'),
      spec: { ...bert, method: { calibration: { generate: { sequences: 128 } } } },
    },
    {
      name: 'BERT-base pair, closed form',
      sources: bertBase,
      spec: {
        model: { family: 'auto' },
        target: { hidden_size: 1152, num_attention_heads: 18, intermediate_size: 4608 },
        probe: { ...tokens, ids: 'bert.eval.eng.ids', labels: 'bert.eval.eng.labels', mask: 'bert.eval.eng.mask' },
      },
    },
    {
      name: 'BERT-base pair, calibrated',
      sources: bertBase,
      spec: {
        model: { family: 'auto' },
        target: { hidden_size: 1152, num_attention_heads: 18, intermediate_size: 4608 },
        method: { calibration: { ...tokens, tensor: 'bert.calibration.ids' } },
        probe: { ...tokens, ids: 'bert.eval.eng.ids', labels: 'bert.eval.eng.labels', mask: 'bert.eval.eng.mask' },
      },
    },
    {
      name: 'comparison of notebook chains',
      sources: notebook,
      spec: {
        model: { family: 'chain', layers: [0, 1, 2].map((l) => ({ weight: `layers.${l}.weight` })) },
        compare: { widths: [0.5, 0.75] },
      },
    },
    {
      name: 'comparison of Llama fixtures',
      sources: fixture('llama'),
      spec: {
        model: { family: 'auto' },
        compare: { widths: [{ ...target, intermediate_size: 528 }] },
        probe: llama.probe,
      },
    },
  ];
}

/** Random layers w0, w1, … of these widths, input first. */
async function writeTensors(folder: string, widths: readonly number[]): Promise<void> {
  const tensors = widths.slice(1).map((out, l) => ({ name: `w${l}`, dtype: 'F32' as const, shape: [out, widths[l]] }));
  const writer = await SafetensorsWriter.create(path.join(folder, 'model.safetensors'), tensors);
  for (const { shape } of tensors)
    await writer.write(
      encodeFloats(
        Float32Array.from({ length: shape[0] * shape[1] }, () => (Math.random() - 0.5) / Math.sqrt(shape[1])),
        'F32',
      ),
    );
  await writer.finish(false);
}
