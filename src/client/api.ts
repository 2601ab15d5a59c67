// Generated from openapi.yaml by `npm run openapi`; not edited by hand.

export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process lives */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics for Prometheus */
        get: operations["prometheusMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether a job can be taken */
        get: operations["readiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/checkpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List checkpoints */
        get: operations["listCheckpoints"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/checkpoints/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Files, tensors and family of a checkpoint */
        get: operations["getCheckpoint"];
        put?: never;
        post?: never;
        /** Delete a checkpoint */
        delete: operations["deleteCheckpoint"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/checkpoints/{name}/files/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Upload a file
         * @description Raw bytes, streamed to disk. A file appears whole and checked, or not at all; an existing one is replaced. Pickle files (.bin, .pt, .ckpt) are refused.
         */
        put: operations["putCheckpointFile"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List jobs
         * @description Carries an ETag (If-None-Match gives 304): pages that poll load only what has changed.
         */
        get: operations["listJobs"];
        put?: never;
        /**
         * Submit a merge
         * @description Planned from the sources’ headers at once: a spec that cannot succeed is refused here.
         */
        post: operations["submitJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Status of a job
         * @description Carries an ETag (If-None-Match gives 304) and, while the job has not ended, Retry-After.
         */
        get: operations["getJob"];
        put?: never;
        post?: never;
        /** Delete a finished job and its artifacts */
        delete: operations["deleteJob"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Files of a succeeded job */
        get: operations["listArtifacts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/artifacts/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Download a file
         * @description Supports Range, If-Range, If-Match and If-None-Match; the ETag is the file’s SHA-256.
         */
        get: operations["getArtifact"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        /**
         * Size and hash of a file
         * @description Supports Range, If-Range, If-Match and If-None-Match; the ETag is the file’s SHA-256.
         */
        head: operations["headArtifact-head"];
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a job
         * @description Idempotent. A running job stops within a second; one that ended stays as it is.
         */
        post: operations["cancelJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Calls of a job’s webhook
         * @description One per event that the webhook asked for, in their order, each with its attempts.
         */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/deliveries/{delivery}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Call a job’s webhook once more
         * @description At once and with the same `webhook-id`, whatever came of it before; if that fails, by the schedule anew.
         */
        post: operations["replayDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What has happened to a job
         * @description From `job.queued` on, oldest first; kept as long as the job. The last one of a job that ended is `job.succeeded`, `job.failed` or `job.cancelled`. Progress makes an event per whole percent, at most four a second.
         *
         *     With `Accept: text/event-stream` a stream of server-sent events, each with `id`, `event` (its type) and the event as `data`, which closes after the last one. `Last-Event-ID` resumes it: nothing is lost or repeated. 204 where nothing can come any more.
         */
        get: operations["listJobEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Error metrics of a succeeded job */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Report with plots
         * @description One page without scripts that requests nothing else.
         */
        get: operations["getReport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a finished job again
         * @description Gives a new job with the same spec, whose `retry_of` names the old one.
         */
        post: operations["retryJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Plan a merge without running it
         * @description Shapes, spaces, legality, files, bytes, memory and flops; reads headers, never weights.
         */
        post: operations["planJob"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin a resumable upload
         * @description tus 1.0 (https://tus.io), with creation, creation-with-upload, creation-defer-length, termination and expiration: use one of its clients. Once whole, the file is checked as any upload is and becomes a file of its checkpoint, before the last request is answered.
         */
        post: operations["createUpload"];
        delete?: never;
        /** What the server can do of tus */
        options: operations["uploadOptions"];
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Give up an upload */
        delete: operations["deleteUpload"];
        options?: never;
        /**
         * How much of an upload has arrived
         * @description `Upload-Offset` equal to `Upload-Length` says that the file is in its checkpoint.
         */
        head: operations["headUpload-head"];
        /** Send bytes of an upload */
        patch: operations["patchUpload"];
        trace?: never;
    };
    "/v1/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The workers that live
         * @description What each computes with and why, on which device, and which jobs it runs.
         */
        get: operations["listWorkers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Artifact: {
            content_type: string;
            file: string;
            sha256: string;
            /** Format: int64 */
            size: number;
            url: string;
        };
        ArtifactList: {
            data: components["schemas"]["Artifact"][];
            /** @constant */
            object: "list";
        };
        /** @description What the sources are run on: tokens (a file’s, or sampled from the sources) or, for chains, rows of inputs. */
        Calibration: components["schemas"]["TensorCalibration"] | components["schemas"]["GeneratedCalibration"];
        /** @description Linear layers applied one after the other. */
        ChainModel: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            family: "chain";
            /**
             * @default concatenated
             * @enum {string}
             */
            inputs: "concatenated" | "shared";
            layers: {
                /** @description Tensor [out]. */
                bias?: string;
                /** @description Tensor [out, in] of this layer. */
                weight: string;
                /** @description Width of this layer’s output; every layer but the last has one. */
                width?: components["schemas"]["Width"];
            }[];
            /**
             * @default concatenated
             * @enum {string}
             */
            outputs: "concatenated" | "shared";
            /** @description Width of every layer but the last that names none. max_relative_error is of the whole map, end to end (basis balanced). */
            width?: components["schemas"]["Width"];
        };
        /** @description Linear layers applied one after the other. */
        ChainModelInput: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            family: "chain";
            /**
             * @default concatenated
             * @enum {string}
             */
            inputs?: "concatenated" | "shared";
            layers: {
                /** @description Tensor [out]. */
                bias?: string;
                /** @description Tensor [out, in] of this layer. */
                weight: string;
                /** @description Width of this layer’s output; every layer but the last has one. */
                width?: components["schemas"]["Width"];
            }[];
            /**
             * @default concatenated
             * @enum {string}
             */
            outputs?: "concatenated" | "shared";
            /** @description Width of every layer but the last that names none. max_relative_error is of the whole map, end to end (basis balanced). */
            width?: components["schemas"]["Width"];
        };
        Checkpoint: {
            /**
             * Format: date-time
             * @description RFC 3339 time, UTC.
             */
            created_at: string;
            /** @description From config.json; null where it does not say. */
            family: string | null;
            files: components["schemas"]["CheckpointFile"][];
            /** @description Shards an index names that are not uploaded yet. */
            missing_files: string[];
            /** @description Name of an uploaded checkpoint. */
            name: string;
            /** @constant */
            object: "checkpoint";
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
            tensors: components["schemas"]["TensorInfo"][];
        };
        CheckpointFile: {
            /**
             * Format: date-time
             * @description RFC 3339 time, UTC.
             */
            created_at: string;
            file: string;
            sha256: string;
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
        };
        CheckpointList: {
            data: components["schemas"]["CheckpointSummary"][];
            first_id: string | null;
            has_more: boolean;
            last_id: string | null;
            /** @constant */
            object: "list";
        };
        /** @description A model that was uploaded. */
        CheckpointSource: {
            /** @description Name of an uploaded checkpoint. */
            checkpoint: string;
            /** @description Columns of the source tensor to use, half-open. Default all. */
            columns?: [
                number,
                number
            ];
            /** @description Rows of the source tensor to use, half-open. Default all. */
            rows?: [
                number,
                number
            ];
        };
        CheckpointSummary: {
            /**
             * Format: date-time
             * @description RFC 3339 time, UTC.
             */
            created_at: string;
            /** Format: int64 */
            file_count: number;
            /** @description Name of an uploaded checkpoint. */
            name: string;
            /** @constant */
            object: "checkpoint";
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
        };
        /** @description Several methods over the same sources, at several widths: the result is one table, no weights. */
        Compare: {
            /**
             * @description notebook: the randomized weight PCA, diag and separate, at every width. sources: each source alone. mean_of_outputs, mean_of_weights: where the sources’ shapes allow it.
             * @default [
             *       "notebook",
             *       "sources",
             *       "mean_of_outputs",
             *       "mean_of_weights"
             *     ]
             */
            baselines: ("notebook" | "sources" | "mean_of_outputs" | "mean_of_weights")[];
            /** @description Default: the methods weightfold has for the family. */
            methods?: components["schemas"]["ComparedMethod"][];
            widths: components["schemas"]["ComparedWidths"][];
        };
        /** @description A method as `method` of a merge, with a name. */
        ComparedMethod: {
            /**
             * @description weight: PCA of the writers’ second moment. balanced: writers and readers, the optimum of a chain’s whole map. activation: PCA of the activations on calibration data. Whole transformers: balanced (of the tensors around the stream) and activation in closed form only.
             * @default weight
             * @enum {string}
             */
            basis: "weight" | "balanced" | "activation";
            /** @description Transformers: what a merge is fitted on. Basis activation: what it is measured on. Basis balanced: the inputs’ second moment (isotropic without). */
            calibration?: components["schemas"]["Calibration"];
            /**
             * @description weight: E = Uᵀ. covariance: E = diag(σ)·Uᵀ. auto: covariance where min(rows, cols) ≤ width, but weight where tensors are stored as float16, whose range does not hold σ².
             * @default auto
             * @enum {string}
             */
            factorization: "auto" | "weight" | "covariance";
            /**
             * @description Whole transformers: calibrated when calibration is given, else closed_form.
             * @default auto
             * @enum {string}
             */
            fit: "auto" | "calibrated" | "closed_form";
            /**
             * @description diag: one PCA of all sources together. separate: one PCA per source, width/N directions each.
             * @default diag
             * @enum {string}
             */
            mode: "diag" | "separate";
            /** @description What the table calls it. Default: from its settings. */
            name?: string;
            /**
             * @description Fold columns of directions beyond the numerical rank. One source, wider: zero appends units without weights.
             * @default orthonormal
             * @enum {string}
             */
            padding: "orthonormal" | "zero";
            /**
             * @default {
             *       "type": "exact"
             *     }
             */
            solver: components["schemas"]["ExactSolver"] | components["schemas"]["RandomizedSolver"];
        };
        /** @description A method as `method` of a merge, with a name. */
        ComparedMethodInput: {
            /**
             * @description weight: PCA of the writers’ second moment. balanced: writers and readers, the optimum of a chain’s whole map. activation: PCA of the activations on calibration data. Whole transformers: balanced (of the tensors around the stream) and activation in closed form only.
             * @default weight
             * @enum {string}
             */
            basis?: "weight" | "balanced" | "activation";
            /** @description Transformers: what a merge is fitted on. Basis activation: what it is measured on. Basis balanced: the inputs’ second moment (isotropic without). */
            calibration?: components["schemas"]["Calibration"];
            /**
             * @description weight: E = Uᵀ. covariance: E = diag(σ)·Uᵀ. auto: covariance where min(rows, cols) ≤ width, but weight where tensors are stored as float16, whose range does not hold σ².
             * @default auto
             * @enum {string}
             */
            factorization?: "auto" | "weight" | "covariance";
            /**
             * @description Whole transformers: calibrated when calibration is given, else closed_form.
             * @default auto
             * @enum {string}
             */
            fit?: "auto" | "calibrated" | "closed_form";
            /**
             * @description diag: one PCA of all sources together. separate: one PCA per source, width/N directions each.
             * @default diag
             * @enum {string}
             */
            mode?: "diag" | "separate";
            /** @description What the table calls it. Default: from its settings. */
            name?: string;
            /**
             * @description Fold columns of directions beyond the numerical rank. One source, wider: zero appends units without weights.
             * @default orthonormal
             * @enum {string}
             */
            padding?: "orthonormal" | "zero";
            /**
             * @default {
             *       "type": "exact"
             *     }
             */
            solver?: components["schemas"]["ExactSolver"] | components["schemas"]["RandomizedSolverInput"];
        };
        ComparedWidths: number | {
            [key: string]: number;
        };
        /** @description Several methods over the same sources, at several widths: the result is one table, no weights. */
        CompareInput: {
            /**
             * @description notebook: the randomized weight PCA, diag and separate, at every width. sources: each source alone. mean_of_outputs, mean_of_weights: where the sources’ shapes allow it.
             * @default [
             *       "notebook",
             *       "sources",
             *       "mean_of_outputs",
             *       "mean_of_weights"
             *     ]
             */
            baselines?: ("notebook" | "sources" | "mean_of_outputs" | "mean_of_weights")[];
            /** @description Default: the methods weightfold has for the family. */
            methods?: components["schemas"]["ComparedMethodInput"][];
            widths: components["schemas"]["ComparedWidths"][];
        };
        ComparisonMetrics: {
            environment: components["schemas"]["Environment"];
            /** @description Identifier of a job; sorts by creation time. */
            job_id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "comparison";
            left_out: {
                name: string;
                reason: string;
            }[];
            /**
             * @description The column the plot shows: the first of these that every method has.
             * @enum {string}
             */
            measure: "map_relative_error" | "relative_error" | "loss";
            /** Format: int64 */
            peak_memory_bytes: number;
            /** @description Names of the probes in `losses`. */
            probes: string[];
            rows: components["schemas"]["ComparisonRow"][];
            timings: components["schemas"]["Timings"];
        };
        /** @description Several methods at several widths, and baselines. */
        ComparisonPlan: {
            baselines: {
                /**
                 * Format: int64
                 * @description Bytes.
                 */
                bytes: number;
                /** @enum {string} */
                kind: "source" | "mean_of_outputs" | "mean_of_weights";
                name: string;
                /** Format: int64 */
                parameters: number;
                source: number | null;
            }[];
            costs: components["schemas"]["Costs"];
            family: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "comparison";
            /** @description Baselines these sources do not have. */
            left_out: {
                name: string;
                reason: string;
            }[];
            methods: {
                /** @description Shape of the calibration tokens of a file. */
                calibration: {
                    /** Format: int64 */
                    length: number;
                    /** Format: int64 */
                    rows: number;
                } | null;
                method: components["schemas"]["Method"];
                name: string;
            }[];
            /** @description Every method at every width. */
            points: {
                /**
                 * Format: int64
                 * @description Bytes.
                 */
                bytes: number;
                /**
                 * Format: int64
                 * @description Index into methods.
                 */
                method: number;
                /** Format: int64 */
                parameters: number;
                share: number | null;
                step: string;
                widths: {
                    [key: string]: number;
                };
            }[];
            /** @enum {string} */
            precision: "float32" | "float64";
            probe_columns: number[];
            steps: components["schemas"]["StepPlan"][];
            /** @constant */
            version: 1;
            /** @description What whoever submits the job should know, e.g. that no worker has the backend just now, or that the norms of the sources have different epsilons; not part of what is run. */
            warnings?: string[];
        };
        ComparisonRow: {
            /**
             * Format: int64
             * @description Of the weights, in the result’s type.
             */
            bytes: number;
            /** @enum {string} */
            kind: "method" | "baseline";
            /** @description Language models: mean loss over the probes, nats. */
            loss: number | null;
            /** @description Language models: per probe. */
            losses: (number | null)[] | null;
            /** @description No network of these widths has a smaller map_relative_error (Eckart–Young). */
            lower_bound: number | null;
            /** @description ‖M′ − M‖_F / ‖M‖_F of the whole linear map. */
            map_relative_error: number | null;
            /** @description mean |y − y′| on the probe. */
            mean_abs_error: number | null;
            name: string;
            /** Format: int64 */
            parameters: number;
            /** @description ‖y − y′‖ / ‖y‖ on the probe; of an embedding, of the whole table. */
            relative_error: number | null;
            /** @description Bases and fold; a decomposition shared by several rows counts in the first. */
            seconds: number | null;
            /** @description Width as a share of the sources’ together, where it was given as one. */
            share: number | null;
            /** @description Per space; null for a baseline. */
            widths: {
                [key: string]: number;
            } | null;
        };
        Costs: {
            /**
             * Format: int64
             * @description Bytes.
             */
            bytes_read: number;
            /**
             * Format: int64
             * @description Bytes.
             */
            bytes_written: number;
            /** @description Whose speed the time is estimated from. */
            estimated_for?: string;
            /** @description Of one attempt, from its start to its end, without waiting in the queue. */
            estimated_seconds: number;
            flops: number;
            /**
             * Format: int64
             * @description Of the compute process.
             */
            peak_memory_bytes: number;
        };
        /** @description A whole transformer of a family described inline. */
        CustomModel: {
            description: components["schemas"]["FamilyDescription"];
            /**
             * @description Tensors the family does not know: refuse the job, leave them out, or copy source 1’s. Inside the model they are always refused.
             * @default fail
             * @enum {string}
             */
            extra_tensors: "fail" | "drop" | "keep_first";
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            family: "custom";
        };
        /** @description A whole transformer of a family described inline. */
        CustomModelInput: {
            description: components["schemas"]["FamilyDescriptionInput"];
            /**
             * @description Tensors the family does not know: refuse the job, leave them out, or copy source 1’s. Inside the model they are always refused.
             * @default fail
             * @enum {string}
             */
            extra_tensors?: "fail" | "drop" | "keep_first";
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            family: "custom";
        };
        /** @description An event on its way to the job’s webhook. */
        Delivery: {
            attempts: {
                /**
                 * Format: date-time
                 * @description RFC 3339 time, UTC.
                 */
                at: string;
                /** Format: int64 */
                duration_ms: number;
                /** @description Why there was no answer, or why it did not count. */
                error: string | null;
                response_status: number | null;
            }[];
            /**
             * Format: date-time
             * @description RFC 3339 time, UTC.
             */
            created_at: string;
            /** Format: int64 */
            event_id: number;
            /** @description The `webhook-id` of every attempt: receivers know repetitions by it. */
            id: string;
            /** @description Identifier of a job; sorts by creation time. */
            job_id: string;
            next_attempt_at: string | null;
            /** @constant */
            object: "delivery";
            /**
             * Format: int64
             * @description Times it was asked for again.
             */
            replays: number;
            /** @enum {string} */
            status: "pending" | "delivered" | "failed";
            /** @enum {string} */
            type: "job.queued" | "job.running" | "job.progress" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled";
        };
        DeliveryList: {
            data: components["schemas"]["Delivery"][];
            first_id: string | null;
            has_more: boolean;
            last_id: string | null;
            /** @constant */
            object: "list";
        };
        /** @description One embedding table; the vocabulary is shared by all sources. */
        EmbeddingModel: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            family: "embedding";
            /** @description Tensor [vocabulary, width]. */
            tensor: string;
            /** @description Width of the table in the result; in a comparison each point gives it. */
            width?: components["schemas"]["Width"];
        };
        EndToEndMetrics: {
            cosine: number | null;
            /** @description ‖M′ − M‖_F / ‖M‖_F of the whole linear map. */
            map_relative_error: number | null;
            /** @description mean |y − y′|. */
            mean_abs_error: number;
            /** @description mean |y|. */
            mean_abs_output: number;
            /** @description ‖y − y′‖ / ‖y‖. */
            relative_error: number;
        };
        EnergyGoal: {
            /** @description Fewest directions that retain this share of Σ σ². */
            energy: number;
            /** @description Round up to a multiple of this, as far as the sources’ widths reach. */
            multiple_of?: number;
        };
        Environment: {
            backend: string;
            device: string | null;
            library: string;
            node: string;
            /** @description Why this backend was taken. */
            reason: string;
            /** Format: int64 */
            threads: number;
            weightfold: string;
        };
        ErrorGoal: {
            /** @description Fewest directions with sqrt(Σ_{j>r} σ_j² / Σ σ_j²) at most this. */
            max_relative_error: number;
            /** @description Round up to a multiple of this, as far as the sources’ widths reach. */
            multiple_of?: number;
        };
        ExactSolver: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "exact";
        };
        /** @description A transformer family, as data. */
        FamilyDescription: {
            activation: {
                default: string;
                /**
                 * @description Of the transform before the decoder. Absent: the key’s.
                 * @enum {string}
                 */
                head?: "gelu" | "gelu_new" | "silu" | "relu";
                /** @description Key of config.json. */
                key: string;
            };
            /** @description Stock classes and the head each carries. Where config.json names none, the tensors decide. */
            architectures: {
                [key: string]: {
                    /** @description Class of the result, where this one has a further head that is not merged. */
                    as?: string;
                    /** @enum {string} */
                    head: "none" | "causal" | "masked";
                    /** @description Where the classes of two model types share a family. */
                    model_type?: string;
                };
            };
            attention: {
                /** @description Boolean key; where it is false, a causal model looks both ways. */
                causal_key?: string;
                /** @enum {string} */
                kind: "causal" | "bidirectional";
                sliding_window?: {
                    default: number | null;
                    /** @description Boolean key; the window counts only when it is true. */
                    enabled_key?: string;
                    /** @description First layer with a window. */
                    from_layer_key?: string;
                    /** @description Key of config.json. */
                    key: string;
                    /** @description List of "sliding_attention" or "full_attention" for each layer; instead of the first layer. */
                    layer_types_key?: string;
                };
            };
            /** @description Prefix of the base model inside a model with a head; files may lack it. */
            base_prefix: string;
            /**
             * @description Tensors that hold no weights; left out silently.
             * @default []
             */
            buffers: string[];
            /** @description Where given, a key of config.json that this description neither reads nor ignores must hold its default, and every value must have its type. A key that `keys` lacks is refused where it means something in another text model; other such keys give a warning. Absent: such keys are not looked at. */
            config?: {
                /** @description Keys that do not change what the model computes, whatever they hold. */
                ignored: string[];
                /** @description Keys that a config.json of the family may have. */
                keys: {
                    [key: string]: {
                        /** @description Value where the key is absent. */
                        default: string | number | boolean | null;
                        readonly types: ("integer" | "number" | "string" | "boolean" | "null" | "array" | "object")[];
                    };
                };
            };
            family: string;
            /** @description Values of config.json model_type. */
            model_types: string[];
            norm: {
                epsilon: {
                    default: number;
                    /** @description Key of config.json. */
                    key: string;
                };
                /** @enum {string} */
                kind: "layer" | "rms";
                /** @enum {string} */
                placement: "pre" | "post";
            };
            positions: {
                /** @constant */
                kind: "learned";
                /**
                 * @description padding: row pad_token_id + 1 is the first place, and padding has a row of its own (RoBERTa).
                 * @default none
                 * @enum {string}
                 */
                offset: "none" | "padding";
            } | {
                /** @constant */
                kind: "rotary";
                theta: {
                    default: number;
                    /** @description Key of config.json. */
                    key: string;
                };
            };
            /**
             * @description Config keys that, where present, must hold this value.
             * @default {}
             */
            require: {
                [key: string]: string | number | boolean | null;
            };
            sizes: {
                /** @description Absent: hidden / heads, which then must divide. */
                head_dim?: string;
                /** @description Key of config.json. */
                heads: string;
                /** @description Key of config.json. */
                hidden: string;
                /** @description Key of config.json. */
                intermediate: string;
                /** @description Where the key is null: this times hidden. */
                intermediate_times_hidden?: number;
                /** @description Absent: as many as heads. */
                kv_heads?: string;
                /** @description Key of config.json. */
                layers: string;
                /** @description Key of config.json. */
                positions?: string;
                /** @description Key of config.json. */
                types?: string;
                /** @description Key of config.json. */
                vocabulary: string;
            };
            tensors: components["schemas"]["TensorPattern"][];
            /** @description Whether the decoder is the word embedding. */
            tie: {
                default: boolean;
                /** @description Key of config.json. */
                key: string;
            };
        };
        /** @description A transformer family, as data. */
        FamilyDescriptionInput: {
            activation: {
                default: string;
                /**
                 * @description Of the transform before the decoder. Absent: the key’s.
                 * @enum {string}
                 */
                head?: "gelu" | "gelu_new" | "silu" | "relu";
                /** @description Key of config.json. */
                key: string;
            };
            /** @description Stock classes and the head each carries. Where config.json names none, the tensors decide. */
            architectures: {
                [key: string]: {
                    /** @description Class of the result, where this one has a further head that is not merged. */
                    as?: string;
                    /** @enum {string} */
                    head: "none" | "causal" | "masked";
                    /** @description Where the classes of two model types share a family. */
                    model_type?: string;
                };
            };
            attention: {
                /** @description Boolean key; where it is false, a causal model looks both ways. */
                causal_key?: string;
                /** @enum {string} */
                kind: "causal" | "bidirectional";
                sliding_window?: {
                    default: number | null;
                    /** @description Boolean key; the window counts only when it is true. */
                    enabled_key?: string;
                    /** @description First layer with a window. */
                    from_layer_key?: string;
                    /** @description Key of config.json. */
                    key: string;
                    /** @description List of "sliding_attention" or "full_attention" for each layer; instead of the first layer. */
                    layer_types_key?: string;
                };
            };
            /** @description Prefix of the base model inside a model with a head; files may lack it. */
            base_prefix: string;
            /**
             * @description Tensors that hold no weights; left out silently.
             * @default []
             */
            buffers?: string[];
            /** @description Where given, a key of config.json that this description neither reads nor ignores must hold its default, and every value must have its type. A key that `keys` lacks is refused where it means something in another text model; other such keys give a warning. Absent: such keys are not looked at. */
            config?: {
                /** @description Keys that do not change what the model computes, whatever they hold. */
                ignored: string[];
                /** @description Keys that a config.json of the family may have. */
                keys: {
                    [key: string]: {
                        /** @description Value where the key is absent. */
                        default: string | number | boolean | null;
                        readonly types: ("integer" | "number" | "string" | "boolean" | "null" | "array" | "object")[];
                    };
                };
            };
            family: string;
            /** @description Values of config.json model_type. */
            model_types: string[];
            norm: {
                epsilon: {
                    default: number;
                    /** @description Key of config.json. */
                    key: string;
                };
                /** @enum {string} */
                kind: "layer" | "rms";
                /** @enum {string} */
                placement: "pre" | "post";
            };
            positions: {
                /** @constant */
                kind: "learned";
                /**
                 * @description padding: row pad_token_id + 1 is the first place, and padding has a row of its own (RoBERTa).
                 * @default none
                 * @enum {string}
                 */
                offset?: "none" | "padding";
            } | {
                /** @constant */
                kind: "rotary";
                theta: {
                    default: number;
                    /** @description Key of config.json. */
                    key: string;
                };
            };
            /**
             * @description Config keys that, where present, must hold this value.
             * @default {}
             */
            require?: {
                [key: string]: string | number | boolean | null;
            };
            sizes: {
                /** @description Absent: hidden / heads, which then must divide. */
                head_dim?: string;
                /** @description Key of config.json. */
                heads: string;
                /** @description Key of config.json. */
                hidden: string;
                /** @description Key of config.json. */
                intermediate: string;
                /** @description Where the key is null: this times hidden. */
                intermediate_times_hidden?: number;
                /** @description Absent: as many as heads. */
                kv_heads?: string;
                /** @description Key of config.json. */
                layers: string;
                /** @description Key of config.json. */
                positions?: string;
                /** @description Key of config.json. */
                types?: string;
                /** @description Key of config.json. */
                vocabulary: string;
            };
            tensors: components["schemas"]["TensorPatternInput"][];
            /** @description Whether the decoder is the word embedding. */
            tie: {
                default: boolean;
                /** @description Key of config.json. */
                key: string;
            };
        };
        FieldError: {
            message: string;
            /** @description RFC 6901 pointer into the request body; empty for the whole. */
            pointer: string;
        };
        GeneratedCalibration: {
            generate: {
                /** @description Tokens per sequence; default 64. */
                length?: number;
                /**
                 * Format: int64
                 * @description Masked models; default from config.json, else usual.
                 */
                mask_token_id?: number;
                seed?: number;
                /** @description In all; default 256 per source. */
                sequences?: number;
            };
        };
        Health: {
            /** @constant */
            status: "ok";
            version: string;
        };
        /**
         * @description A merge that was submitted.
         * @example {
         *       "id": "job_01KAQ3V5W8M0Z2T4R6Y8B0D2FH",
         *       "object": "job",
         *       "status": "running",
         *       "name": "two networks",
         *       "labels": {
         *         "team": "pretraining"
         *       },
         *       "created_at": "2026-03-02T09:30:00.000Z",
         *       "started_at": "2026-03-02T09:30:00.412Z",
         *       "finished_at": null,
         *       "attempt": 1,
         *       "max_attempts": 3,
         *       "worker": "host-1:4711",
         *       "progress": {
         *         "phase": "fold",
         *         "completed": 3,
         *         "total": 5,
         *         "fraction": 0.6
         *       },
         *       "cancel_requested": false,
         *       "waiting_for": null,
         *       "error": null,
         *       "retry_of": null,
         *       "spec": {
         *         "name": "two networks",
         *         "labels": {
         *           "team": "pretraining"
         *         },
         *         "sources": [
         *           {
         *             "checkpoint": "a"
         *           },
         *           {
         *             "checkpoint": "b"
         *           }
         *         ],
         *         "model": {
         *           "family": "chain",
         *           "inputs": "concatenated",
         *           "outputs": "concatenated",
         *           "layers": [
         *             {
         *               "weight": "layers.0.weight",
         *               "bias": "layers.0.bias",
         *               "width": 768
         *             },
         *             {
         *               "weight": "layers.1.weight",
         *               "width": 3072
         *             },
         *             {
         *               "weight": "layers.2.weight"
         *             }
         *           ]
         *         },
         *         "method": {
         *           "mode": "diag",
         *           "basis": "weight",
         *           "factorization": "auto",
         *           "solver": {
         *             "type": "exact"
         *           },
         *           "padding": "orthonormal",
         *           "fit": "auto"
         *         },
         *         "output": {
         *           "max_shard_size": "5GB",
         *           "directions": false
         *         },
         *         "compute": {
         *           "backend": "auto"
         *         },
         *         "priority": 0,
         *         "timeout_seconds": 3600,
         *         "max_attempts": 3
         *       }
         *     }
         */
        Job: {
            /**
             * Format: int64
             * @description Attempts at the step that needed most, so far.
             */
            attempt: number;
            cancel_requested: boolean;
            /**
             * Format: date-time
             * @description RFC 3339 time, UTC.
             */
            created_at: string;
            error: components["schemas"]["JobError"] | null;
            finished_at: string | null;
            /** @description Identifier of a job; sorts by creation time. */
            id: string;
            labels: {
                [key: string]: string;
            };
            /** Format: int64 */
            max_attempts: number;
            name: string | null;
            /** @constant */
            object: "job";
            progress: components["schemas"]["Progress"];
            retry_of: string | null;
            spec: components["schemas"]["JobSpec"];
            /** @description Start of its first step; what finished then is kept, however often a step is repeated. */
            started_at: string | null;
            status: components["schemas"]["JobStatus"];
            /** @description What a queued job waits for that is not there: a worker with the backend it asks for. Else null. */
            waiting_for: string | null;
            /** @description Worker that reported last; several may share a merge. */
            worker: string | null;
        };
        /** @description Why a job failed. */
        JobError: {
            /** @description Stable identifier. */
            code: string;
            errors: components["schemas"]["FieldError"][];
            message: string;
        };
        JobEvent: {
            /**
             * Format: date-time
             * @description RFC 3339 time, UTC.
             */
            created_at: string;
            /** @description The job as of this event. */
            data: {
                /** Format: int64 */
                attempt: number;
                /** @description Why the job failed, or is tried again. */
                error?: components["schemas"]["JobError"];
                message?: string;
                progress: components["schemas"]["Progress"];
                status: components["schemas"]["JobStatus"];
                worker?: string;
            };
            /**
             * Format: int64
             * @description Counts the events of the job, without gaps.
             */
            id: number;
            /** @description Identifier of a job; sorts by creation time. */
            job_id: string;
            /** @enum {string} */
            type: "job.queued" | "job.running" | "job.progress" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled";
        };
        JobEventList: {
            data: components["schemas"]["JobEvent"][];
            first_id: number | null;
            has_more: boolean;
            last_id: number | null;
            /** @constant */
            object: "list";
        };
        JobList: {
            data: components["schemas"]["Job"][];
            first_id: string | null;
            has_more: boolean;
            last_id: string | null;
            /** @constant */
            object: "list";
        };
        /** @description What to merge, how, and what to report. */
        JobSpec: {
            bases?: components["schemas"]["StoredBases"];
            compare?: components["schemas"]["Compare"];
            compute: {
                /**
                 * @description cuda and tfjs wait for a worker that has that backend; auto and cpu run on any.
                 * @default auto
                 * @enum {string}
                 */
                backend: "auto" | "cpu" | "cuda" | "tfjs";
            };
            /**
             * @description Free-form labels, for filtering.
             * @default {}
             */
            labels: {
                [key: string]: string;
            };
            /**
             * @description At each step.
             * @default 3
             */
            max_attempts: number;
            method: components["schemas"]["Method"];
            model: components["schemas"]["ChainModel"] | components["schemas"]["EmbeddingModel"] | components["schemas"]["TransformerModel"] | components["schemas"]["CustomModel"];
            name?: string;
            output: {
                /**
                 * @description Keep every direction of each basis in directions.safetensors, so that a later job can take any width from it.
                 * @default false
                 */
                directions: boolean;
                /**
                 * @description Default: the widest type among the sources’ tensors.
                 * @enum {string}
                 */
                dtype?: "float64" | "float32" | "float16" | "bfloat16";
                /**
                 * @description Largest size of one output file; a single tensor larger than this gets a file of its own.
                 * @default 5GB
                 */
                max_shard_size: number | string;
            };
            /**
             * @description Higher runs first.
             * @default 0
             */
            priority: number;
            probe?: components["schemas"]["Probe"];
            /** @description Weights of the sources in shared outputs, sum 1. Default 1/N each. */
            source_weights?: number[];
            sources: components["schemas"]["Source"][];
            /** @description Whole transformers only: sizes of the result. */
            target?: components["schemas"]["Target"];
            /**
             * @description Of one attempt at one step.
             * @default 3600
             */
            timeout_seconds: number;
            webhook?: components["schemas"]["Webhook"];
        };
        /** @description What to merge, how, and what to report. */
        JobSpecInput: {
            bases?: components["schemas"]["StoredBases"];
            compare?: components["schemas"]["CompareInput"];
            /** @default {} */
            compute?: {
                /**
                 * @description cuda and tfjs wait for a worker that has that backend; auto and cpu run on any.
                 * @default auto
                 * @enum {string}
                 */
                backend?: "auto" | "cpu" | "cuda" | "tfjs";
            };
            /**
             * @description Free-form labels, for filtering.
             * @default {}
             */
            labels?: {
                [key: string]: string;
            };
            /**
             * @description At each step.
             * @default 3
             */
            max_attempts?: number;
            /** @default {} */
            method?: components["schemas"]["MethodInput"];
            model: components["schemas"]["ChainModelInput"] | components["schemas"]["EmbeddingModel"] | components["schemas"]["TransformerModelInput"] | components["schemas"]["CustomModelInput"];
            name?: string;
            /** @default {} */
            output?: {
                /**
                 * @description Keep every direction of each basis in directions.safetensors, so that a later job can take any width from it.
                 * @default false
                 */
                directions?: boolean;
                /**
                 * @description Default: the widest type among the sources’ tensors.
                 * @enum {string}
                 */
                dtype?: "float64" | "float32" | "float16" | "bfloat16";
                /**
                 * @description Largest size of one output file; a single tensor larger than this gets a file of its own.
                 * @default 5GB
                 */
                max_shard_size?: number | string;
            };
            /**
             * @description Higher runs first.
             * @default 0
             */
            priority?: number;
            probe?: components["schemas"]["ProbeInput"];
            /** @description Weights of the sources in shared outputs, sum 1. Default 1/N each. */
            source_weights?: number[];
            sources: components["schemas"]["Source"][];
            /** @description Whole transformers only: sizes of the result. */
            target?: components["schemas"]["Target"];
            /**
             * @description Of one attempt at one step.
             * @default 3600
             */
            timeout_seconds?: number;
            webhook?: components["schemas"]["WebhookInput"];
        };
        /**
         * @description succeeded, failed and cancelled never change.
         * @enum {string}
         */
        JobStatus: "queued" | "running" | "succeeded" | "failed" | "cancelled";
        LinearMetrics: {
            end_to_end: components["schemas"]["EndToEndMetrics"];
            environment: components["schemas"]["Environment"];
            /** @description Identifier of a job; sorts by creation time. */
            job_id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "linear";
            /**
             * Format: int64
             * @description Peak resident memory of the compute process.
             */
            peak_memory_bytes: number;
            spaces: components["schemas"]["SpaceMetrics"][];
            tensors: components["schemas"]["TensorMetrics"][];
            timings: components["schemas"]["Timings"];
        };
        /** @description Plan of a chain or an embedding. */
        LinearPlan: {
            /** @description config.json of the result. */
            config: {
                [key: string]: unknown;
            };
            costs: components["schemas"]["Costs"];
            family: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "linear";
            /**
             * @description In which E and F are applied; Grams are always float64.
             * @enum {string}
             */
            precision: "float32" | "float64";
            /** @description Input width of each source, or one where inputs are shared. */
            probe_columns: number[];
            shards: components["schemas"]["ShardPlan"][];
            source_weights: number[];
            spaces: components["schemas"]["SpacePlan"][];
            steps: components["schemas"]["StepPlan"][];
            stored_bases: {
                job: string;
                /** @description Of the file the bases come from. */
                sha256: string;
                /** @description By the name of this job’s space. */
                spaces: {
                    [key: string]: components["schemas"]["StoredSpace"];
                };
            } | null;
            tensors: components["schemas"]["TensorPlan"][];
            /** @constant */
            version: 1;
            /** @description What whoever submits the job should know, e.g. that no worker has the backend just now, or that the norms of the sources have different epsilons; not part of what is run. */
            warnings?: string[];
        };
        /** @description Speed of a worker’s backend. */
        Machine: {
            /** @description An eigenproblem of order n takes cubic·n³ + square·n² seconds. */
            eigen_cubic_s: number;
            eigen_square_s: number;
            /** @description Passes over matrices in the host’s memory, each into a new one: sums, copies, conversions. */
            elements_per_s: number;
            /** @description Matrix products, 2·m·n·k flops each. */
            float32_flops_per_s: number;
            float64_flops_per_s: number;
            /** @description Files, from the page cache. */
            read_bytes_per_s: number;
            /** @description Files: hashed, written and synced. */
            write_bytes_per_s: number;
        };
        Method: {
            /**
             * @description weight: PCA of the writers’ second moment. balanced: writers and readers, the optimum of a chain’s whole map. activation: PCA of the activations on calibration data. Whole transformers: balanced (of the tensors around the stream) and activation in closed form only.
             * @default weight
             * @enum {string}
             */
            basis: "weight" | "balanced" | "activation";
            /** @description Transformers: what a merge is fitted on. Basis activation: what it is measured on. Basis balanced: the inputs’ second moment (isotropic without). */
            calibration?: components["schemas"]["Calibration"];
            /**
             * @description weight: E = Uᵀ. covariance: E = diag(σ)·Uᵀ. auto: covariance where min(rows, cols) ≤ width, but weight where tensors are stored as float16, whose range does not hold σ².
             * @default auto
             * @enum {string}
             */
            factorization: "auto" | "weight" | "covariance";
            /**
             * @description Whole transformers: calibrated when calibration is given, else closed_form.
             * @default auto
             * @enum {string}
             */
            fit: "auto" | "calibrated" | "closed_form";
            /**
             * @description diag: one PCA of all sources together. separate: one PCA per source, width/N directions each.
             * @default diag
             * @enum {string}
             */
            mode: "diag" | "separate";
            /**
             * @description Fold columns of directions beyond the numerical rank. One source, wider: zero appends units without weights.
             * @default orthonormal
             * @enum {string}
             */
            padding: "orthonormal" | "zero";
            /**
             * @default {
             *       "type": "exact"
             *     }
             */
            solver: components["schemas"]["ExactSolver"] | components["schemas"]["RandomizedSolver"];
        };
        MethodInput: {
            /**
             * @description weight: PCA of the writers’ second moment. balanced: writers and readers, the optimum of a chain’s whole map. activation: PCA of the activations on calibration data. Whole transformers: balanced (of the tensors around the stream) and activation in closed form only.
             * @default weight
             * @enum {string}
             */
            basis?: "weight" | "balanced" | "activation";
            /** @description Transformers: what a merge is fitted on. Basis activation: what it is measured on. Basis balanced: the inputs’ second moment (isotropic without). */
            calibration?: components["schemas"]["Calibration"];
            /**
             * @description weight: E = Uᵀ. covariance: E = diag(σ)·Uᵀ. auto: covariance where min(rows, cols) ≤ width, but weight where tensors are stored as float16, whose range does not hold σ².
             * @default auto
             * @enum {string}
             */
            factorization?: "auto" | "weight" | "covariance";
            /**
             * @description Whole transformers: calibrated when calibration is given, else closed_form.
             * @default auto
             * @enum {string}
             */
            fit?: "auto" | "calibrated" | "closed_form";
            /**
             * @description diag: one PCA of all sources together. separate: one PCA per source, width/N directions each.
             * @default diag
             * @enum {string}
             */
            mode?: "diag" | "separate";
            /**
             * @description Fold columns of directions beyond the numerical rank. One source, wider: zero appends units without weights.
             * @default orthonormal
             * @enum {string}
             */
            padding?: "orthonormal" | "zero";
            /**
             * @default {
             *       "type": "exact"
             *     }
             */
            solver?: components["schemas"]["ExactSolver"] | components["schemas"]["RandomizedSolverInput"];
        };
        Metrics: components["schemas"]["LinearMetrics"] | components["schemas"]["TransformerMetrics"] | components["schemas"]["ComparisonMetrics"];
        /** @description Exactly what a worker will run: a function of the spec and the sources’ headers. */
        Plan: components["schemas"]["LinearPlan"] | components["schemas"]["TransformerPlan"] | components["schemas"]["ComparisonPlan"];
        /** @description Inputs on which the merged network is compared with its sources. Default for chains: random ones. */
        Probe: components["schemas"]["TokenProbe"] | components["schemas"]["TokenProbe"][] | components["schemas"]["RandomProbe"] | components["schemas"]["TensorProbe"];
        /** @description Inputs on which the merged network is compared with its sources. Default for chains: random ones. */
        ProbeInput: components["schemas"]["TokenProbe"] | components["schemas"]["TokenProbe"][] | components["schemas"]["RandomProbeInput"] | components["schemas"]["TensorProbe"];
        ProbeMetrics: {
            /**
             * Format: int64
             * @description Places whose label counts.
             */
            counted: number;
            /** @description Mean KL(mean of the sources ‖ result), nats. */
            kl_to_mean: number | null;
            /** @description Of the mean of the sources’ logits, which needs all of them at once. */
            mean_of_sources_loss: number | null;
            name: string;
            result_loss: number | null;
            /** @description Per source, nats; null for models without a language-model head. */
            source_losses: (number | null)[];
            /** @description Per norm: ‖x − E·n‖ / ‖E·n‖ of the normalised streams. */
            stream_error: number[];
            /**
             * Format: int64
             * @description Padding not counted.
             */
            tokens: number;
            /** @description Share of places where result and mean of the sources prefer the same id. */
            top1_agreement: number | null;
        };
        /**
         * @description RFC 9457 problem details.
         * @example {
         *       "type": "urn:weightfold:problem:width_out_of_range",
         *       "title": "Unprocessable Entity",
         *       "status": 422,
         *       "code": "width_out_of_range",
         *       "detail": "Width 2000 is outside 1…1024 (the sources’ widths together: 512 + 512; only a single source grows beyond its width).",
         *       "request_id": "5f0f2c6e-2d8b-4d0a-9a53-3f5b1d1c6c1e",
         *       "errors": [
         *         {
         *           "pointer": "/model/layers/0/width",
         *           "message": "Width 2000 is outside 1…1024 (the sources’ widths together: 512 + 512; only a single source grows beyond its width)."
         *         }
         *       ]
         *     }
         */
        Problem: {
            /** @description Stable identifier, for programs. */
            code: string;
            /** @description Subject, actual value, bound and hint, for people. */
            detail: string;
            errors: components["schemas"]["FieldError"][];
            request_id: string;
            /** Format: int64 */
            status: number;
            title: string;
            /** @description URI reference of the documentation of `code`. */
            type: string;
        };
        Progress: {
            /**
             * Format: int64
             * @description Steps done.
             */
            completed: number;
            fraction: number;
            /** @enum {string} */
            phase: "planning" | "basis" | "fold" | "evaluate" | "publish";
            /** Format: int64 */
            total: number;
        };
        RandomizedSolver: {
            /**
             * @description Subspace iterations.
             * @default 2
             */
            niter: number;
            /** @default 33 */
            seed: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "randomized";
        };
        RandomizedSolverInput: {
            /**
             * @description Subspace iterations.
             * @default 2
             */
            niter?: number;
            /** @default 33 */
            seed?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "randomized";
        };
        RandomProbe: {
            /** @constant */
            inputs: "random";
            /** @default 32 */
            rows: number;
            /** @default 33 */
            seed: number;
        };
        RandomProbeInput: {
            /** @constant */
            inputs: "random";
            /** @default 32 */
            rows?: number;
            /** @default 33 */
            seed?: number;
        };
        Readiness: {
            checks: {
                /** @enum {string} */
                queue: "ok" | "failed";
                /** @enum {string} */
                store: "ok" | "failed";
                /**
                 * @description failed: there are workers, and every one is wedged. Without any, jobs wait for one.
                 * @enum {string}
                 */
                workers: "ok" | "failed";
            };
            queue: {
                /** Format: int64 */
                active: number;
                /** Format: int64 */
                waiting: number;
            } | null;
            /** @description Why a check failed, for people. */
            reasons: string[];
            /** @enum {string} */
            status: "ready" | "unavailable";
            /** @description Workers that live; null where the queue cannot say. */
            workers: number | null;
        };
        ShardPlan: {
            /**
             * Format: int64
             * @description Bytes.
             */
            bytes: number;
            file: string;
            tensors: string[];
        };
        /** @description Where one source model is read from. */
        Source: components["schemas"]["CheckpointSource"] | components["schemas"]["UriSource"];
        SpaceMetrics: {
            /** @enum {string} */
            basis: "weight" | "balanced" | "activation" | "growth" | "stored";
            /** @description Directions taken from each source; null where sources share one eigenproblem and directions mix. */
            directions_by_source: number[] | null;
            /** @enum {string} */
            factorization: "weight" | "covariance" | "balanced";
            /** @description max |E·F − diag(I_k, 0)|; growth: max |F·E − I|. */
            identity_error: number;
            /** @enum {string} */
            legality: "exact" | "selection" | "approximate";
            name: string;
            /** Format: int64 */
            padding_columns: number;
            /**
             * Format: int64
             * @description Numerical rank k within the width: directions that carry anything.
             */
            rank: number;
            /** @description Σ_{j≤r} σ_j² / Σ σ_j² of the spectrum. */
            retained_energy: number;
            /**
             * Format: int64
             * @description Sum over the sources.
             */
            source_width: number;
            /** @description Singular values, descending. weight: of the writer. balanced: of the map from inputs to outputs. activation: root mean squares of the activations. growth: none. */
            spectrum: number[];
            /** @description sqrt(Σ_{j>r} σ_j² / Σ σ_j²) of the spectrum; for balanced the least error of the whole map at this width. */
            tail_relative_error: number;
            /** Format: int64 */
            width: number;
        };
        SpacePlan: {
            /** @description growth: wider than its one source, computing the same. stored: an earlier job’s.  null: not reduced. */
            basis: ("weight" | "balanced" | "activation" | "growth" | "stored") | null;
            /**
             * @description What becomes of the constant part: nothing to keep, moved to the readers’ biases, or a basis column.
             * @enum {string}
             */
            constant: "none" | "reader_bias" | "basis_column";
            /** @description Whether sources share one eigenproblem; false: one per source, spectra merged. */
            coupled: boolean;
            /** @description Scale of the new units. weight: E = Uᵀ. covariance: E = diag(σ)·Uᵀ. balanced: equal on both sides. */
            factorization: ("weight" | "covariance" | "balanced") | null;
            /** @enum {string} */
            kind: "concatenated" | "shared";
            /** @enum {string} */
            legality: "exact" | "selection" | "approximate";
            name: string;
            readers: string[];
            reason: string;
            /** @description Whether an expand/fold pair is computed; otherwise E = F = I. */
            reduced: boolean;
            /** @description Width in each source. */
            source_widths: number[];
            /** @description Width in the result; null where it is chosen once the basis is known. */
            width: number | null;
            /** @description What a chosen width must achieve. */
            width_goal: components["schemas"]["WidthGoal"] | null;
            /** @description Least and largest width that can be chosen; null where the width is given. */
            width_range: [
                number,
                number
            ] | null;
            writers: string[];
        };
        StepPlan: {
            /** @description Ids of the steps that must have finished before this one. */
            after: string[];
            id: string;
            /** @enum {string} */
            phase: "basis" | "fold" | "evaluate" | "publish";
            /** @description Space or file the step produces. */
            subject: string;
        };
        /** @description Take the bases of an earlier job instead of computing them: for another width, or for further tensors. basis and mode must be that job’s. */
        StoredBases: {
            /** @description A succeeded job of a chain or an embedding. */
            job: string;
            /** @description Space of this job → space of that one. Default: the same name. */
            spaces?: {
                [key: string]: string;
            };
        };
        StoredSpace: {
            /** @enum {string} */
            basis: "weight" | "balanced" | "activation";
            blocks: {
                /**
                 * Format: int64
                 * @description Directions stored.
                 */
                live: number;
                span: [
                    number,
                    number
                ];
            }[];
            /** @description Whether every direction above the numerical rank is stored. */
            complete: boolean;
            /** @enum {string} */
            mode: "diag" | "separate";
            /** @description What the earlier job calls the space. */
            name: string;
            /** @description Whether both jobs read the same bytes. */
            same_sources: boolean;
            /**
             * Format: int64
             * @description Its width in that job.
             */
            width: number;
            /** @description Whether the basis holds for that job’s widths only. */
            widths_fixed: boolean;
            /** @description Tensors it was made of. */
            writers: string[];
        };
        /** @description Sizes of the result; what is left out keeps all that the sources have. A single source may grow, up to 64 times. */
        Target: {
            /**
             * Format: int64
             * @description Width of this space in the result.
             */
            hidden_size?: number;
            /**
             * Format: int64
             * @description Width of this space in the result.
             */
            intermediate_size?: number;
            /**
             * Format: int64
             * @description Width of this space in the result.
             */
            num_attention_heads?: number;
            /**
             * Format: int64
             * @description Default: keeps the sources’ group size.
             */
            num_key_value_heads?: number;
        };
        TensorCalibration: {
            /** @description Integers or booleans [rows, tokens]; places that hold 0 are padding and take no part in anything. */
            attention_mask?: string;
            /** @description Name of an uploaded checkpoint. */
            checkpoint: string;
            /** @description Name of one file; no folders. */
            file: string;
            /** @description Transformers and embeddings: integers [rows, tokens]. Chains: floats [rows, inputs], the sources’ side by side where concatenated. */
            tensor: string;
        };
        /** @description A tensor, from the header of the file that holds it. */
        TensorInfo: {
            dtype: string;
            file: string;
            name: string;
            /** @description Tensor shape, row-major. */
            shape: number[];
        };
        TensorMetrics: {
            max_abs_error: number;
            /** @description mean |W − F·E·W|: over the whole concatenated matrix (diag), or the mean of the sources’ (separate). */
            mean_abs_error: number;
            /** @description Over each source’s own matrix. */
            mean_abs_error_by_source: number[];
            name: string;
            /** @description Eckart–Young bound at this width; null where stored bases do not tell. */
            optimal_relative_error: number | null;
            /** @description relative_error / optimal_relative_error; null where the bound is unknown or below 1e-6. */
            optimality_ratio: number | null;
            /** @description ‖W − F·E·W‖_F / ‖W‖_F. */
            relative_error: number;
            /** @description Tensor shape, row-major. */
            shape: number[];
            source_shapes: number[][];
        };
        TensorPattern: {
            /**
             * @description Older names of the same tensor; the result uses `name`.
             * @default []
             */
            aliases: string[];
            /**
             * @description Further names under which the result stores the same values. Where the embeddings of a source are tied, and `name` is absent, its values are read from there.
             * @default []
             */
            also: string[];
            /** @description Spaces of the axes, in the order of the file. */
            axes: ("residual" | "heads" | "kv_heads" | "ffn" | "vocabulary" | "positions" | "types" | "transform" | "pooler")[];
            /** @description Boolean key of config.json: the stock class has the tensor only where it is true. */
            flag?: {
                default: boolean;
                /** @description Key of config.json. */
                key: string;
            };
            /**
             * @description in_out: embeddings and Conv1D, whose columns write.
             * @default out_in
             * @enum {string}
             */
            layout: "out_in" | "in_out";
            /** @description {base} stands for the optional prefix of the base model, {layer} for the layer index. */
            name: string;
            /** @default false */
            optional: boolean;
            /**
             * @default weight
             * @enum {string}
             */
            part: "weight" | "bias";
            /** @description More than one: equal sections along the output axis (fused q, k, v). */
            slots: ("word" | "position" | "type" | "embedding_norm" | "attention_norm" | "ffn_norm" | "final_norm" | "q" | "k" | "v" | "o" | "gate" | "up" | "down" | "transform" | "transform_norm" | "decoder" | "pooler")[];
        };
        TensorPatternInput: {
            /**
             * @description Older names of the same tensor; the result uses `name`.
             * @default []
             */
            aliases?: string[];
            /**
             * @description Further names under which the result stores the same values. Where the embeddings of a source are tied, and `name` is absent, its values are read from there.
             * @default []
             */
            also?: string[];
            /** @description Spaces of the axes, in the order of the file. */
            axes: ("residual" | "heads" | "kv_heads" | "ffn" | "vocabulary" | "positions" | "types" | "transform" | "pooler")[];
            /** @description Boolean key of config.json: the stock class has the tensor only where it is true. */
            flag?: {
                default: boolean;
                /** @description Key of config.json. */
                key: string;
            };
            /**
             * @description in_out: embeddings and Conv1D, whose columns write.
             * @default out_in
             * @enum {string}
             */
            layout?: "out_in" | "in_out";
            /** @description {base} stands for the optional prefix of the base model, {layer} for the layer index. */
            name: string;
            /** @default false */
            optional?: boolean;
            /**
             * @default weight
             * @enum {string}
             */
            part?: "weight" | "bias";
            /** @description More than one: equal sections along the output axis (fused q, k, v). */
            slots: ("word" | "position" | "type" | "embedding_norm" | "attention_norm" | "ffn_norm" | "final_norm" | "q" | "k" | "v" | "o" | "gate" | "up" | "down" | "transform" | "transform_norm" | "decoder" | "pooler")[];
        };
        TensorPlan: {
            /** @enum {string} */
            dtype: "F64" | "F32" | "F16" | "BF16";
            /** @description null for a bias. */
            in_space: string | null;
            /** Format: int64 */
            layer: number;
            /**
             * @description in_out: stored transposed, as embeddings are.
             * @enum {string}
             */
            layout: "out_in" | "in_out";
            name: string;
            out_space: string;
            /** @enum {string} */
            role: "weight" | "bias" | "fold";
            /** @description Row-major; null where an extent is chosen once the basis is known. */
            shape: (number | null)[];
            sources: components["schemas"]["TensorSource"][];
        };
        /** @description Floats [rows, inputs]. */
        TensorProbe: {
            /** @description Name of an uploaded checkpoint. */
            checkpoint: string;
            /** @description Name of one file; no folders. */
            file: string;
            /** @description Name of a tensor, as in the safetensors header. */
            tensor: string;
        };
        TensorSource: {
            columns?: [
                number,
                number
            ];
            dtype: string;
            rows?: [
                number,
                number
            ];
            /** @description Shape after slicing. */
            shape: number[];
            /**
             * Format: int64
             * @description Index into the spec’s sources.
             */
            source: number;
            tensor: string;
        };
        Timings: {
            /** @description Seconds. */
            basis_s: number;
            /** @description Seconds. */
            evaluate_s: number;
            /** @description Seconds. */
            fold_s: number;
            /** @description Seconds. */
            read_s: number;
            /** @description Seconds. */
            total_s: number;
            /** @description Seconds. */
            write_s: number;
        };
        /** @description Tokens on which a language model’s loss is measured. */
        TokenProbe: {
            /** @description Integers or booleans [rows, tokens]; places that hold 0 are padding and take no part in anything. */
            attention_mask?: string;
            /** @description Name of an uploaded checkpoint. */
            checkpoint: string;
            /** @description Name of one file; no folders. */
            file: string;
            /** @description Integers [rows, tokens]. */
            ids: string;
            /** @description Integers [rows, tokens]. Default for causal models: the next id. */
            labels?: string;
            /** @description [rows, tokens]; places whose label counts. */
            mask?: string;
            name?: string;
        };
        TransformerMetrics: {
            /**
             * @description What the basis of the residual stream comes from. Absent in results of earlier versions.
             * @enum {string}
             */
            basis?: "weight" | "balanced" | "activation";
            /** @description Means over the probes. */
            end_to_end: {
                mean_of_sources_loss: number | null;
                result_loss: number | null;
                /** @description Per source, nats; null for models without a language-model head. */
                source_losses: (number | null)[];
            };
            environment: components["schemas"]["Environment"];
            /**
             * @description closed_form is an initialisation for further training.
             * @enum {string}
             */
            fit: "calibrated" | "closed_form";
            /** @description Identifier of a job; sorts by creation time. */
            job_id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "transformer";
            merge: {
                calibration_stream_error: number[] | null;
                /** @description Per layer and source: key-value groups of the result that are its own, copies counted. */
                kept_groups: number[][];
                /** @description Per layer and source: feed-forward units likewise. */
                kept_units: number[][];
                retained_energy: number;
                /** @description Eigenvalues of the residual space’s second moment, descending; basis balanced: squared singular values of Q·L; empty where it grew. */
                spectrum: number[];
                /** @description What each source’s weights were multiplied with to bring their streams to one scale. */
                stream_scales: number[];
            };
            /** Format: int64 */
            peak_memory_bytes: number;
            probes: components["schemas"]["ProbeMetrics"][];
            spaces: components["schemas"]["TransformerSpaceMetrics"][];
            tensors: components["schemas"]["TransformerTensorMetrics"][];
            timings: components["schemas"]["Timings"];
        };
        /** @description A whole transformer of a known family. */
        TransformerModel: {
            /**
             * @description Tensors the family does not know: refuse the job, leave them out, or copy source 1’s. Inside the model they are always refused.
             * @default fail
             * @enum {string}
             */
            extra_tensors: "fail" | "drop" | "keep_first";
            /**
             * @description auto: from the sources’ config.json. Any other must be the family of their model_type. (enum property replaced by openapi-typescript)
             * @enum {string}
             */
            family: "auto" | "bert" | "roberta" | "gpt2" | "llama" | "mistral" | "qwen2";
        };
        /** @description A whole transformer of a known family. */
        TransformerModelInput: {
            /**
             * @description Tensors the family does not know: refuse the job, leave them out, or copy source 1’s. Inside the model they are always refused.
             * @default fail
             * @enum {string}
             */
            extra_tensors?: "fail" | "drop" | "keep_first";
            /**
             * @description auto: from the sources’ config.json. Any other must be the family of their model_type. (enum property replaced by openapi-typescript)
             * @enum {string}
             */
            family: "auto" | "bert" | "roberta" | "gpt2" | "llama" | "mistral" | "qwen2";
        };
        /** @description Plan of a whole transformer: its tensors and spaces. */
        TransformerPlan: {
            /** @description config.json of the result. */
            config: {
                [key: string]: unknown;
            };
            costs: components["schemas"]["Costs"];
            family: string;
            /** @enum {string} */
            fit: "calibrated" | "closed_form";
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            kind: "transformer";
            /** @description Tensors of a known kind that are not in the result, and why. */
            left_out?: {
                reason: string;
                /** @description The source that holds them; null where none does. */
                source: string | null;
                tensors: string[];
            }[];
            /** @enum {string} */
            mode: "diag" | "separate";
            source_weights: number[];
            spaces: components["schemas"]["TransformerSpacePlan"][];
            steps: components["schemas"]["StepPlan"][];
            tensors: ({
                /** @enum {string} */
                dtype: "F64" | "F32" | "F16" | "BF16";
                name: string;
                /** @description Tensor shape, row-major. */
                shape: number[];
            } & {
                [key: string]: unknown;
            })[];
            /** @constant */
            version: 1;
            /** @description What whoever submits the job should know, e.g. that no worker has the backend just now, or that the norms of the sources have different epsilons; not part of what is run. */
            warnings?: string[];
        } & {
            [key: string]: unknown;
        };
        TransformerSpaceMetrics: {
            /** @description Residual space: ‖E_i‖_F², the share of the directions that lies in each source, whole numbers where sources do not mix. Growth: trace(F·E), the source’s own. A selection: what is kept of each. null for a shared space. */
            directions_by_source: number[] | null;
            /** @description max |E·F − I| of the stored bases, less 11ᵀ/r where LayerNorm leaves a hyperplane; growth: max |F·E − I|, likewise less 11ᵀ/d with padding zero; 0 for a selection. */
            identity_error: number | null;
            /** @enum {string} */
            legality: "exact" | "selection" | "approximate";
            name: string;
            reason: string;
            /** @description Σ_{j≤r} λ_j / Σ λ_j of the residual space (basis balanced: the same share of what its writers write); null for a selection. */
            retained_energy: number | null;
            /** Format: int64 */
            source_width: number;
            /** Format: int64 */
            width: number;
        };
        TransformerSpacePlan: {
            /** @enum {string} */
            kind: "concatenated" | "shared";
            /** @enum {string} */
            legality: "exact" | "selection" | "approximate";
            name: string;
            reason: string;
            source_widths: number[];
            /** Format: int64 */
            width: number;
        } & {
            [key: string]: unknown;
        };
        TransformerTensorMetrics: {
            max_abs_error: number;
            /** @description mean |W − F·E·W| of the sources’ own weights: over the whole concatenated matrix (diag), or the mean of the sources’ (separate). Writers of the residual stream: W as the basis sees it, at the joint stream’s scale, centred where LayerNorm subtracts the mean. Writers of heads, units, transform and pooler: the rows left out. A calibrated merge fits its weights afterwards: then it says how far the sources’ weights lie outside the basis, not how far the result’s do. */
            mean_abs_error: number;
            /** @description Over each source’s own matrix. */
            mean_abs_error_by_source: number[];
            name: string;
            /** @description Not defined for one of several writers of a space: one basis serves them all. For basis weight, 1 − retained_energy of the residual space is the least possible mean of their squared relative errors. */
            optimal_relative_error: null;
            /** @description relative_error / optimal_relative_error; null where the bound is unknown or below 1e-6. */
            optimality_ratio: number | null;
            /** @description ‖W − F·E·W‖_F / ‖W‖_F. */
            relative_error: number;
            /** @description Tensor shape, row-major. */
            shape: number[];
            source_shapes: number[][];
        };
        /** @description A model that lies elsewhere. */
        UriSource: {
            /** @description Columns of the source tensor to use, half-open. Default all. */
            columns?: [
                number,
                number
            ];
            /** @description Rows of the source tensor to use, half-open. Default all. */
            rows?: [
                number,
                number
            ];
            /** @description A folder or .safetensors file: file:///models/b (under one of SOURCE_ROOTS), https://host/folder, hf://org/name@revision, s3://bucket/prefix (under one of S3_SOURCES). */
            uri: string & (unknown & unknown);
        };
        /** @description Who is told about the job, by Standard Webhooks. */
        Webhook: {
            /**
             * @description Which events it is called for. Default: the end of the job.
             * @default [
             *       "job.succeeded",
             *       "job.failed",
             *       "job.cancelled"
             *     ]
             */
            events: ("job.queued" | "job.running" | "job.progress" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled")[];
            /** @description Called with a POST per event. Public addresses only, unless the service allows others. */
            url: string;
        };
        /** @description Who is told about the job, by Standard Webhooks. */
        WebhookInput: {
            /**
             * @description Which events it is called for. Default: the end of the job.
             * @default [
             *       "job.succeeded",
             *       "job.failed",
             *       "job.cancelled"
             *     ]
             */
            events?: ("job.queued" | "job.running" | "job.progress" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled")[];
            /** @description Called with a POST per event. Public addresses only, unless the service allows others. */
            url: string;
        };
        /** @description Width of a space in the result, or what it must achieve. */
        Width: number | components["schemas"]["EnergyGoal"] | components["schemas"]["ErrorGoal"];
        WidthGoal: {
            energy?: number;
            /** @description Of the whole chain, all spaces before this one included. */
            max_map_relative_error?: number;
            /** @description By the spectrum of this space’s basis. */
            max_relative_error?: number;
            /** Format: int64 */
            multiple_of: number;
        };
        /** @description A worker that is connected to the queue. */
        Worker: {
            compute: components["schemas"]["WorkerBackend"];
            /**
             * Format: int64
             * @description Jobs it takes at a time from each of its queues.
             */
            concurrency: number;
            host: string;
            id: string;
            /** @description Jobs it runs now. */
            jobs: string[];
            /**
             * Format: date-time
             * @description A worker that is silent for 15 seconds is no longer listed.
             */
            last_seen_at: string;
            /**
             * Format: int64
             * @description Memory of the machine, or what its container may use of it.
             */
            memory_bytes: number;
            /** @description As in a job’s worker: host and process id. */
            name: string;
            /** @constant */
            object: "worker";
            /** Format: int64 */
            pid: number;
            /** @description Values of compute.backend whose jobs it takes. */
            serves: ("auto" | "cpu" | "cuda" | "tfjs")[];
            /** @description Measured right after the start; null until then. */
            speed: components["schemas"]["Machine"] | null;
            /**
             * Format: date-time
             * @description RFC 3339 time, UTC.
             */
            started_at: string;
            /**
             * @description wedged: it cannot take a step, because its compute processes have given no sign of life for 30 seconds.
             * @enum {string}
             */
            state: "idle" | "busy" | "wedged";
            versions: {
                [key: string]: string;
            };
        };
        WorkerBackend: {
            /**
             * @description Backend of its jobs, unless a job asks for another.
             * @enum {string}
             */
            backend: "cpu" | "cuda" | "tfjs";
            /** @description Name of the GPU; null on CPUs. */
            device: string | null;
            device_memory_bytes: number | null;
            /** @description Library that computes the other precision on the host; null where none is. */
            host: string | null;
            /** @description Library and version. */
            library: string;
            /** @description Those the backend computes in by itself. */
            precisions: ("float32" | "float64")[];
            /** @description Why this one, and what could not be used. */
            reason: string;
            /** Format: int64 */
            threads: number;
        };
        WorkerList: {
            data: components["schemas"]["Worker"][];
            /** @constant */
            object: "list";
        };
    };
    responses: {
        /** @description Bad Gateway */
        BadGateway: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Bad Request */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Conflict */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Forbidden */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Gone */
        Gone: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Insufficient Storage */
        InsufficientStorage: {
            headers: {
                /** @description Seconds to wait before asking again. */
                "retry-after"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Internal Server Error */
        InternalServerError: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not Found */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Payload Too Large */
        PayloadTooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Precondition Failed */
        PreconditionFailed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Range Not Satisfiable */
        RangeNotSatisfiable: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Service Unavailable */
        ServiceUnavailable: {
            headers: {
                /** @description Seconds to wait before asking again. */
                "retry-after"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Too Many Requests */
        TooManyRequests: {
            headers: {
                /** @description Seconds to wait before asking again. */
                "retry-after"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unauthorized */
        Unauthorized: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unprocessable Entity */
        UnprocessableEntity: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unsupported Media Type */
        UnsupportedMediaType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Artifact = components['schemas']['Artifact'];
export type ArtifactList = components['schemas']['ArtifactList'];
export type Calibration = components['schemas']['Calibration'];
export type ChainModel = components['schemas']['ChainModel'];
export type ChainModelInput = components['schemas']['ChainModelInput'];
export type Checkpoint = components['schemas']['Checkpoint'];
export type CheckpointFile = components['schemas']['CheckpointFile'];
export type CheckpointList = components['schemas']['CheckpointList'];
export type CheckpointSource = components['schemas']['CheckpointSource'];
export type CheckpointSummary = components['schemas']['CheckpointSummary'];
export type Compare = components['schemas']['Compare'];
export type ComparedMethod = components['schemas']['ComparedMethod'];
export type ComparedMethodInput = components['schemas']['ComparedMethodInput'];
export type ComparedWidths = components['schemas']['ComparedWidths'];
export type CompareInput = components['schemas']['CompareInput'];
export type ComparisonMetrics = components['schemas']['ComparisonMetrics'];
export type ComparisonPlan = components['schemas']['ComparisonPlan'];
export type ComparisonRow = components['schemas']['ComparisonRow'];
export type Costs = components['schemas']['Costs'];
export type CustomModel = components['schemas']['CustomModel'];
export type CustomModelInput = components['schemas']['CustomModelInput'];
export type Delivery = components['schemas']['Delivery'];
export type DeliveryList = components['schemas']['DeliveryList'];
export type EmbeddingModel = components['schemas']['EmbeddingModel'];
export type EndToEndMetrics = components['schemas']['EndToEndMetrics'];
export type EnergyGoal = components['schemas']['EnergyGoal'];
export type Environment = components['schemas']['Environment'];
export type ErrorGoal = components['schemas']['ErrorGoal'];
export type ExactSolver = components['schemas']['ExactSolver'];
export type FamilyDescription = components['schemas']['FamilyDescription'];
export type FamilyDescriptionInput = components['schemas']['FamilyDescriptionInput'];
export type FieldError = components['schemas']['FieldError'];
export type GeneratedCalibration = components['schemas']['GeneratedCalibration'];
export type Health = components['schemas']['Health'];
export type Job = components['schemas']['Job'];
export type JobError = components['schemas']['JobError'];
export type JobEvent = components['schemas']['JobEvent'];
export type JobEventList = components['schemas']['JobEventList'];
export type JobList = components['schemas']['JobList'];
export type JobSpec = components['schemas']['JobSpec'];
export type JobSpecInput = components['schemas']['JobSpecInput'];
export type JobStatus = components['schemas']['JobStatus'];
export type LinearMetrics = components['schemas']['LinearMetrics'];
export type LinearPlan = components['schemas']['LinearPlan'];
export type Machine = components['schemas']['Machine'];
export type Method = components['schemas']['Method'];
export type MethodInput = components['schemas']['MethodInput'];
export type Metrics = components['schemas']['Metrics'];
export type Plan = components['schemas']['Plan'];
export type Probe = components['schemas']['Probe'];
export type ProbeInput = components['schemas']['ProbeInput'];
export type ProbeMetrics = components['schemas']['ProbeMetrics'];
export type Problem = components['schemas']['Problem'];
export type Progress = components['schemas']['Progress'];
export type RandomizedSolver = components['schemas']['RandomizedSolver'];
export type RandomizedSolverInput = components['schemas']['RandomizedSolverInput'];
export type RandomProbe = components['schemas']['RandomProbe'];
export type RandomProbeInput = components['schemas']['RandomProbeInput'];
export type Readiness = components['schemas']['Readiness'];
export type ShardPlan = components['schemas']['ShardPlan'];
export type Source = components['schemas']['Source'];
export type SpaceMetrics = components['schemas']['SpaceMetrics'];
export type SpacePlan = components['schemas']['SpacePlan'];
export type StepPlan = components['schemas']['StepPlan'];
export type StoredBases = components['schemas']['StoredBases'];
export type StoredSpace = components['schemas']['StoredSpace'];
export type Target = components['schemas']['Target'];
export type TensorCalibration = components['schemas']['TensorCalibration'];
export type TensorInfo = components['schemas']['TensorInfo'];
export type TensorMetrics = components['schemas']['TensorMetrics'];
export type TensorPattern = components['schemas']['TensorPattern'];
export type TensorPatternInput = components['schemas']['TensorPatternInput'];
export type TensorPlan = components['schemas']['TensorPlan'];
export type TensorProbe = components['schemas']['TensorProbe'];
export type TensorSource = components['schemas']['TensorSource'];
export type Timings = components['schemas']['Timings'];
export type TokenProbe = components['schemas']['TokenProbe'];
export type TransformerMetrics = components['schemas']['TransformerMetrics'];
export type TransformerModel = components['schemas']['TransformerModel'];
export type TransformerModelInput = components['schemas']['TransformerModelInput'];
export type TransformerPlan = components['schemas']['TransformerPlan'];
export type TransformerSpaceMetrics = components['schemas']['TransformerSpaceMetrics'];
export type TransformerSpacePlan = components['schemas']['TransformerSpacePlan'];
export type TransformerTensorMetrics = components['schemas']['TransformerTensorMetrics'];
export type UriSource = components['schemas']['UriSource'];
export type Webhook = components['schemas']['Webhook'];
export type WebhookInput = components['schemas']['WebhookInput'];
export type Width = components['schemas']['Width'];
export type WidthGoal = components['schemas']['WidthGoal'];
export type Worker = components['schemas']['Worker'];
export type WorkerBackend = components['schemas']['WorkerBackend'];
export type WorkerList = components['schemas']['WorkerList'];
export type ResponseBadGateway = components['responses']['BadGateway'];
export type ResponseBadRequest = components['responses']['BadRequest'];
export type ResponseConflict = components['responses']['Conflict'];
export type ResponseForbidden = components['responses']['Forbidden'];
export type ResponseGone = components['responses']['Gone'];
export type ResponseInsufficientStorage = components['responses']['InsufficientStorage'];
export type ResponseInternalServerError = components['responses']['InternalServerError'];
export type ResponseNotFound = components['responses']['NotFound'];
export type ResponsePayloadTooLarge = components['responses']['PayloadTooLarge'];
export type ResponsePreconditionFailed = components['responses']['PreconditionFailed'];
export type ResponseRangeNotSatisfiable = components['responses']['RangeNotSatisfiable'];
export type ResponseServiceUnavailable = components['responses']['ServiceUnavailable'];
export type ResponseTooManyRequests = components['responses']['TooManyRequests'];
export type ResponseUnauthorized = components['responses']['Unauthorized'];
export type ResponseUnprocessableEntity = components['responses']['UnprocessableEntity'];
export type ResponseUnsupportedMediaType = components['responses']['UnsupportedMediaType'];
export type $defs = Record<string, never>;
export interface operations {
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    prometheusMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Text exposition format. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    readiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description Service Unavailable */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
    listCheckpoints: {
        parameters: {
            query?: {
                /** @description Last name of the page before. */
                after?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckpointList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    getCheckpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of an uploaded checkpoint. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Checkpoint"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["UnprocessableEntity"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    deleteCheckpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name of an uploaded checkpoint. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    putCheckpointFile: {
        parameters: {
            query?: never;
            header?: {
                /** @description sha-256=:BASE64: (RFC 9530); checked. */
                "content-digest"?: string;
                /** @description ETag of the file that may be replaced. */
                "if-match"?: string;
                /** @description `*`: only where there is no such file yet. */
                "if-none-match"?: string;
            };
            path: {
                /** @description Name of one file; no folders but those of chat templates, e.g. `additional_chat_templates/tool_use.jinja` (in a URL with %2F for the slash). */
                file: string;
                /** @description Name of an uploaded checkpoint. */
                name: string;
            };
            cookie?: never;
        };
        /** @description The file; empty for one of no bytes. */
        requestBody?: {
            content: {
                "application/octet-stream": unknown;
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    /** @description Strong; for If-None-Match and If-Range. */
                    etag?: string;
                    /** @description Where the new resource is, relative to the request’s address. */
                    location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckpointFile"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["UnprocessableEntity"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
            507: components["responses"]["InsufficientStorage"];
        };
    };
    listJobs: {
        parameters: {
            query?: {
                /** @description Last id of the page before. */
                after?: string;
                /** @description RFC 3339 time. */
                created_after?: string;
                /** @description `label.KEY=VALUE` keeps jobs with that label; several must all hold. */
                labels?: {
                    [key: string]: string;
                };
                limit?: number;
                /** @description By creation time. */
                order?: "asc" | "desc";
                status?: components["schemas"]["JobStatus"];
            };
            header?: {
                /** @description ETag of what the client has: 304 where that is current. */
                "if-none-match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    /** @description Strong; for If-None-Match and If-Range. */
                    etag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description Unchanged. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            422: components["responses"]["UnprocessableEntity"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    submitJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same body gives the same job; with another body 422. */
                "idempotency-key"?: string;
                /** @description `wait=SECONDS` (RFC 7240) holds the reply until the job has ended, for so long at most; longer than 60 counts as 60, and what is not a number of seconds is ignored. The reply’s `Preference-Applied` says what counted. */
                prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobSpecInput"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    /** @description Where the new resource is, relative to the request’s address. */
                    location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            410: components["responses"]["Gone"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["UnprocessableEntity"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            502: components["responses"]["BadGateway"];
            503: components["responses"]["ServiceUnavailable"];
            507: components["responses"]["InsufficientStorage"];
        };
    };
    getJob: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag of what the client has: 304 where that is current. */
                "if-none-match"?: string;
            };
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    /** @description Strong; for If-None-Match and If-Range. */
                    etag?: string;
                    /** @description Seconds to wait before asking again. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            /** @description Unchanged. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Gone"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    deleteJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    listArtifacts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    getArtifact: {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag that the file must have, else 412. */
                "if-match"?: string;
                /** @description ETag of what the client has: 304 where that is current. */
                "if-none-match"?: string;
                /** @description ETag that the range is of; another one gives the whole. */
                "if-range"?: string;
                /** @description `bytes=START-END`, both counted from 0, END left out: to the end. */
                range?: string;
            };
            path: {
                /** @description Name of one file; no folders but those of chat templates, e.g. `additional_chat_templates/tool_use.jinja` (in a URL with %2F for the slash). */
                file: string;
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file, with the type that the list of files states. */
            200: {
                headers: {
                    /** @description Strong; for If-None-Match and If-Range. */
                    etag?: string;
                    /** @description `sha-256=:BASE64:` of the whole file (RFC 9530). */
                    "repr-digest"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "application/octet-stream": unknown;
                    "text/csv": string;
                    "text/html": string;
                    "text/markdown": string;
                    "text/plain": string;
                };
            };
            /** @description The asked part. */
            206: {
                headers: {
                    /** @description `bytes START-END/SIZE` (RFC 9110). */
                    "content-range"?: string;
                    /** @description Strong; for If-None-Match and If-Range. */
                    etag?: string;
                    /** @description `sha-256=:BASE64:` of the whole file (RFC 9530). */
                    "repr-digest"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "application/octet-stream": unknown;
                    "text/csv": string;
                    "text/html": string;
                    "text/markdown": string;
                    "text/plain": string;
                };
            };
            /** @description Unchanged. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            412: components["responses"]["PreconditionFailed"];
            416: components["responses"]["RangeNotSatisfiable"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    "headArtifact-head": {
        parameters: {
            query?: never;
            header?: {
                /** @description ETag that the file must have, else 412. */
                "if-match"?: string;
                /** @description ETag of what the client has: 304 where that is current. */
                "if-none-match"?: string;
                /** @description ETag that the range is of; another one gives the whole. */
                "if-range"?: string;
                /** @description `bytes=START-END`, both counted from 0, END left out: to the end. */
                range?: string;
            };
            path: {
                /** @description Name of one file; no folders but those of chat templates, e.g. `additional_chat_templates/tool_use.jinja` (in a URL with %2F for the slash). */
                file: string;
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file, with the type that the list of files states. */
            200: {
                headers: {
                    /** @description Strong; for If-None-Match and If-Range. */
                    etag?: string;
                    /** @description `sha-256=:BASE64:` of the whole file (RFC 9530). */
                    "repr-digest"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "application/octet-stream": unknown;
                    "text/csv": string;
                    "text/html": string;
                    "text/markdown": string;
                    "text/plain": string;
                };
            };
            /** @description The asked part. */
            206: {
                headers: {
                    /** @description `bytes START-END/SIZE` (RFC 9110). */
                    "content-range"?: string;
                    /** @description Strong; for If-None-Match and If-Range. */
                    etag?: string;
                    /** @description `sha-256=:BASE64:` of the whole file (RFC 9530). */
                    "repr-digest"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "application/octet-stream": unknown;
                    "text/csv": string;
                    "text/html": string;
                    "text/markdown": string;
                    "text/plain": string;
                };
            };
            /** @description Unchanged. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            412: components["responses"]["PreconditionFailed"];
            416: components["responses"]["RangeNotSatisfiable"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    cancelJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Gone"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                /** @description Last id of the page before. */
                after?: string;
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryList"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Gone"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    replayDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The `webhook-id` of every attempt: receivers know repetitions by it. */
                delivery: string;
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Delivery"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    listJobEvents: {
        parameters: {
            query?: {
                /** @description Id of the last event known; those after it are returned. */
                after?: number;
                /** @description Of a list; streams have none. */
                limit?: number;
            };
            header?: {
                /** @description Of a stream: as `after`, and before it. */
                "last-event-id"?: number;
            };
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobEventList"];
                    "text/event-stream": string;
                };
            };
            /** @description A stream of a job that ended with the event the client has: do not come again. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Gone"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    getMetrics: {
        parameters: {
            query?: {
                /** @description csv: one line per tensor (of a comparison: per method and width). */
                format?: "json" | "csv";
            };
            header?: never;
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Metrics"];
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    getReport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    retryJob: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Identifier of a job; sorts by creation time. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    /** @description Where the new resource is, relative to the request’s address. */
                    location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            422: components["responses"]["UnprocessableEntity"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            502: components["responses"]["BadGateway"];
            503: components["responses"]["ServiceUnavailable"];
            507: components["responses"]["InsufficientStorage"];
        };
    };
    planJob: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobSpecInput"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Plan"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["UnprocessableEntity"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            502: components["responses"]["BadGateway"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    createUpload: {
        parameters: {
            query?: never;
            header: {
                /** @description The protocol’s version. */
                "tus-resumable": "1.0.0";
                /** @description In place of `upload-length`: it comes later. */
                "upload-defer-length"?: "1";
                /** @description Bytes of the file. */
                "upload-length"?: string;
                /** @description Keys with Base64 values: `checkpoint`, `filename`, and `sha256` (hex; checked) if known. */
                "upload-metadata": string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description The first bytes, if any. */
        requestBody?: {
            content: {
                "application/offset+octet-stream": unknown;
            };
        };
        responses: {
            /** @description `Location` is where the bytes go. */
            201: {
                headers: {
                    /** @description Where the new resource is, relative to the request’s address. */
                    location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["UnprocessableEntity"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
            507: components["responses"]["InsufficientStorage"];
        };
    };
    uploadOptions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `Tus-Version`, `Tus-Extension`, `Tus-Max-Size`. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    deleteUpload: {
        parameters: {
            query?: never;
            header: {
                /** @description The protocol’s version. */
                "tus-resumable": "1.0.0";
            };
            path: {
                /** @description Identifier of a resumable upload. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            410: components["responses"]["Gone"];
            412: components["responses"]["PreconditionFailed"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    "headUpload-head": {
        parameters: {
            query?: never;
            header: {
                /** @description The protocol’s version. */
                "tus-resumable": "1.0.0";
            };
            path: {
                /** @description Identifier of a resumable upload. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description `Upload-Offset`, `Upload-Length`, `Upload-Metadata`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            412: components["responses"]["PreconditionFailed"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
    patchUpload: {
        parameters: {
            query?: never;
            header: {
                /** @description The protocol’s version. */
                "tus-resumable": "1.0.0";
                /** @description Bytes that have arrived. */
                "upload-offset": string;
            };
            path: {
                /** @description Identifier of a resumable upload. */
                id: string;
            };
            cookie?: never;
        };
        /** @description The bytes from `Upload-Offset` on. */
        requestBody: {
            content: {
                "application/offset+octet-stream": unknown;
            };
        };
        responses: {
            /** @description `Upload-Offset` says how much has arrived. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            410: components["responses"]["Gone"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["UnprocessableEntity"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
            507: components["responses"]["InsufficientStorage"];
        };
    };
    listWorkers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerList"];
                };
            };
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooManyRequests"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["ServiceUnavailable"];
        };
    };
}
