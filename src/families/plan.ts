import type { FloatDtype } from '../safetensors/dtype.js';
import type { TensorInfo } from '../safetensors/header.js';
import type { Machine } from '../schemas/machine.js';
import type { Architecture } from './architecture.js';
import type { Binding } from './binding.js';
import type { Config } from './config-reader.js';
import type { FamilyDescription, Slot } from './description.js';

/** What planning looks at: a checkpoint's headers and config.json, never its weights. */
export interface SourceHeaders {
  /** For messages and the model card, e.g. the checkpoint's name. */
  label: string;
  config: Config;
  tensors: ReadonlyMap<string, TensorInfo>;
}

export interface Target {
  hidden_size?: number;
  intermediate_size?: number;
  num_attention_heads?: number;
  /** Default: as many as keep the sources' group size. */
  num_key_value_heads?: number;
}

export type ExtraPolicy = 'fail' | 'drop' | 'keep_first';

/** Tokens sampled from the sources themselves: `sequences` in all, shared out evenly. */
export interface GeneratedCalibration {
  sequences: number;
  length: number;
  seed: number;
  /** What masked models hide places with. */
  mask_token_id: number;
}

export interface TransformerRequest {
  sources: SourceHeaders[];
  /** A known family, `auto`, or a description of its own. Default auto. */
  family?: string | FamilyDescription;
  target: Target;
  /** diag: one residual PCA of all sources; separate: one each, widths shared out evenly. Default diag. */
  mode?: 'diag' | 'separate';
  /** Closed form: what the residual basis, and the choice of heads and units, come from. Default weight. */
  basis?: 'weight' | 'balanced' | 'activation';
  /** What a single source grows by: copies and a wider frame, or dead units. Default orthonormal. */
  padding?: 'orthonormal' | 'zero';
  /** auto (default): calibrated when `calibration` is given, else closed_form. */
  fit?: 'auto' | 'calibrated' | 'closed_form';
  /** Size of the calibration set, or how to generate one. */
  calibration?: { rows: number; length: number } | { generate: Partial<GeneratedCalibration> };
  /** Weights of the sources in the shared vocabulary; default 1/N each. */
  source_weights?: number[];
  /** Tensors the family does not know. Default fail. */
  extra_tensors?: ExtraPolicy;
  output?: { dtype?: FloatDtype; max_shard_bytes?: number };
  /** Sizes of the probes, and speed of the machine: for the estimate of time and memory. */
  probes?: readonly { rows: number; length: number }[];
  machine?: Machine;
}

export interface PlannedSource {
  label: string;
  architecture: Architecture;
  bindings: Binding[];
  extra: string[];
  buffers: string[];
  /** Tensors that its class, as its config.json sets it, ignores. */
  ignored: string[];
}

/** Tensors that are not in the result, and why. */
export interface LeftOut {
  /** Label of the source that holds them; null where none does, though the class of the result has them. */
  source: string | null;
  tensors: string[];
  reason: string;
}

/** One tensor of the result. */
export interface OutputTensor {
  name: string;
  dtype: FloatDtype;
  shape: number[];
  /** What it holds; null: copied from source 1 (`extra_tensors: keep_first`). */
  slots: Slot[] | null;
  part: 'weight' | 'bias';
  layer: number | null;
  layout: 'out_in' | 'in_out';
}

export interface SpaceReport {
  name: string;
  kind: 'concatenated' | 'shared';
  source_widths: number[];
  width: number;
  legality: 'exact' | 'selection' | 'approximate';
  reason: string;
  writers: string[];
  readers: string[];
}

export interface TransformerCosts {
  bytes_read: number;
  bytes_written: number;
  peak_memory_bytes: number;
  flops: number;
  estimated_seconds: number;
}

/** Exactly what a worker runs: a pure, JSON-serialisable function of the request. */
export interface TransformerPlan {
  version: 1;
  kind: 'transformer';
  family: string;
  /** Whole, so that a worker needs nothing but the plan. */
  description: FamilyDescription;
  fit: 'calibrated' | 'closed_form';
  mode: 'diag' | 'separate';
  basis: 'weight' | 'balanced' | 'activation';
  padding: 'orthonormal' | 'zero';
  source_weights: number[];
  sources: PlannedSource[];
  /** The result's own architecture. */
  target: Architecture;
  /** config.json of the result. */
  config: Config;
  tensors: OutputTensor[];
  max_shard_bytes: number;
  extra_tensors: { policy: ExtraPolicy; dropped: string[]; kept: string[] };
  left_out: LeftOut[];
  spaces: SpaceReport[];
  /** How calibration tokens come to be; null for closed_form, unless its basis is measured on them. */
  calibration: { generate: GeneratedCalibration } | { rows: number; length: number } | null;
  costs: TransformerCosts;
  warnings?: string[];
}
