const ACCEPTANCE = 'positive_data_acceptance';
const BEYOND_SCHEMAS =
  'a well-formed spec whose fields exclude each other (a target for a chain, widths beside compare): rules between fields that JSON Schema does not state';
const NOT_THERE =
  'a well-formed spec that names what is not there or does not fit it (checkpoints, tensors, jobs, widths), or what this service does not allow: 422 is the answer that the contract documents';
/** Codes of a spec that fits the contract but not what is there, or not the settings of the service. */
const UNMET = `
  idempotency_key_reused webhook_url_not_allowed webhooks_disabled checkpoint_not_found
  checkpoint_empty job_not_found source_not_allowed source_not_found source_uri_invalid tensor_missing
  tensor_repeated tensor_shape dtype_unsupported shape_unsupported shape_mismatch vocabulary_mismatch
  slice_not_applicable slice_out_of_range width_out_of_range width_missing width_not_applicable
  space_unknown probe_not_found probe_not_applicable probe_shape_mismatch tokens_not_found
  calibration_not_found calibration_not_applicable calibration_shape_mismatch calibration_missing
  source_weights_invalid method_conflict method_repeated comparison_too_large bases_unusable
  precision_unsupported config_missing config_unsupported family_unknown family_mismatch
  class_unsupported sources_differ extra_tensors heads_illegal kv_heads_illegal hidden_size_illegal
  memory_exceeded
`
  .trim()
  .split(/\s+/);

/**
 * Failures that are right as they are, each with its reason. An exception holds for failures of its `check` at its
 * `operation` (any, where it has none) whose answers have its `status` and one of its `codes`, and for which `when` is
 * true, where it has them.
 */
export const EXCEPTIONS = [
  ...['POST /v1/jobs', 'POST /v1/jobs/plan'].flatMap((operation) => [
    { check: ACCEPTANCE, operation, status: 400, codes: ['request_invalid'], reason: BEYOND_SCHEMAS },
    { check: ACCEPTANCE, operation, status: 422, codes: UNMET, reason: NOT_THERE },
  ]),
  {
    check: ACCEPTANCE,
    operation: 'POST /v1/jobs/{id}/retry',
    status: 422,
    reason: 'the sources of the job have been changed or deleted by other requests of the run',
  },
  {
    check: ACCEPTANCE,
    operation: 'GET /v1/jobs',
    status: 422,
    codes: ['query_invalid'],
    reason: 'the names of label filters are free, and a name with nothing after "label." is none',
  },
  {
    check: ACCEPTANCE,
    operation: 'PUT /v1/checkpoints/{name}/files/{file}',
    status: 422,
    reason: 'a file must be what its name says (safetensors, JSON), which a schema of its bytes cannot state',
  },
  {
    check: ACCEPTANCE,
    operation: 'PUT /v1/checkpoints/{name}/files/{file}',
    status: 400,
    codes: ['digest_malformed', 'digest_mismatch'],
    reason:
      'Content-Digest is checked against the bytes; unknown algorithms in it are allowed, so no pattern describes it',
  },
  {
    check: ACCEPTANCE,
    operation: 'POST /v1/uploads',
    status: 400,
    codes: ['upload_request_invalid'],
    reason: 'tus wants exactly one of Upload-Length and Upload-Defer-Length, and Upload-Metadata in its own syntax',
  },
  {
    check: ACCEPTANCE,
    operation: 'POST /v1/uploads',
    status: 422,
    codes: ['upload_metadata_invalid', 'pickle_refused'],
    reason: 'Upload-Metadata holds Base64 of names, which a schema of the header cannot state',
  },
  {
    check: ACCEPTANCE,
    operation: 'POST /v1/uploads',
    status: 413,
    codes: ['upload_too_large'],
    reason: 'MAX_UPLOAD_BYTES is a setting, not a part of the contract',
  },
  {
    check: ACCEPTANCE,
    operation: 'PATCH /v1/uploads/{id}',
    status: 413,
    codes: ['upload_too_large'],
    reason: 'the bytes go beyond the Upload-Length that the upload was begun with',
  },
  {
    check: 'negative_data_rejection',
    operation: 'GET /v1/jobs/{id}/events',
    status: 200,
    when: ({ headers }) => Object.entries(headers).some(([name, [value]]) => /^last-event-id$/i.test(name) && !value),
    reason: 'an empty Last-Event-ID is what a client sends that knows of no event, and counts as 0',
  },
  {
    check: 'not_a_server_error',
    status: 502,
    codes: ['source_unavailable'],
    reason: 'the spec names a server elsewhere, which does not answer',
  },
];
