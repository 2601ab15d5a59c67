import { WeightfoldError } from '../errors.js';

/** Every way a file can fail to be safetensors. */
export type SafetensorsErrorCode =
  | 'other_format'
  | 'file_too_short'
  | 'header_too_large'
  | 'header_truncated'
  | 'header_not_utf8'
  | 'header_not_object'
  | 'header_invalid_json'
  | 'header_duplicate_key'
  | 'metadata_not_strings'
  | 'too_many_entries'
  | 'tensor_malformed'
  | 'dtype_unknown'
  | 'shape_invalid'
  | 'shape_overflow'
  | 'offsets_invalid'
  | 'offsets_overlap_or_hole'
  | 'offsets_mismatch_shape'
  | 'data_length_mismatch';

/** A malformed file: permanent, unlike an I/O error, and naming the tensor where there is one. */
export class SafetensorsError extends WeightfoldError {
  readonly reason: SafetensorsErrorCode;
  constructor(reason: SafetensorsErrorCode, message: string) {
    super(`Not a valid safetensors file: ${message}`, { code: 'safetensors_invalid', status: 422 });
    this.reason = reason;
  }
}
