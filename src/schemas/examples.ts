import { JobSpecSchema } from './job-spec.js';

/** Specs to start from, shown in openapi.yaml and at /docs; named as they are listed there. */
export const JOB_SPEC_EXAMPLES = {
  chain: {
    summary: 'Two networks of three linear layers, to widths 768 and 3072',
    value: {
      name: 'two networks',
      labels: { team: 'pretraining' },
      sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
      model: {
        family: 'chain',
        layers: [
          { weight: 'layers.0.weight', bias: 'layers.0.bias', width: 768 },
          { weight: 'layers.1.weight', width: 3072 },
          { weight: 'layers.2.weight' },
        ],
      },
    },
  },
  embedding: {
    summary: 'Two halves of an embedding, to the fewest columns that keep 99 % of its energy',
    value: {
      sources: [
        { checkpoint: 'bert', columns: [0, 384] },
        { checkpoint: 'bert', columns: [384, 768] },
      ],
      model: { family: 'embedding', tensor: 'bert.embeddings.word_embeddings.weight', width: { energy: 0.99 } },
    },
  },
  transformer: {
    summary: 'Two language models into one 1.5 times as wide, calibrated on text they write themselves',
    value: {
      sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
      model: { family: 'auto' },
      target: { hidden_size: 1152, num_attention_heads: 18, intermediate_size: 4608 },
      method: { calibration: { generate: {} } },
    },
  },
  comparison: {
    summary: 'Errors of several methods at several widths; no weights',
    value: {
      sources: [{ checkpoint: 'a' }, { checkpoint: 'b' }],
      model: {
        family: 'chain',
        layers: [{ weight: 'layers.0.weight' }, { weight: 'layers.1.weight' }, { weight: 'layers.2.weight' }],
      },
      compare: { widths: [0.5, 0.75, 0.9] },
    },
  },
};

/** A job as it looks while it runs. */
export const JOB_EXAMPLE = {
  id: 'job_01KAQ3V5W8M0Z2T4R6Y8B0D2FH',
  object: 'job',
  status: 'running',
  name: 'two networks',
  labels: { team: 'pretraining' },
  created_at: '2026-03-02T09:30:00.000Z',
  started_at: '2026-03-02T09:30:00.412Z',
  finished_at: null,
  attempt: 1,
  max_attempts: 3,
  worker: 'host-1:4711',
  progress: { phase: 'fold', completed: 3, total: 5, fraction: 0.6 },
  cancel_requested: false,
  waiting_for: null,
  error: null,
  retry_of: null,
  spec: JobSpecSchema.parse(JOB_SPEC_EXAMPLES.chain.value),
};
