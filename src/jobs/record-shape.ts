import { z } from 'zod';
import { JobErrorSchema, JobStatusSchema, ProgressSchema } from '../schemas/job.js';

const anyObject = z.looseObject({});
const StepsShape = z.array(z.looseObject({ id: z.string() }));

const PlanShape = z.looseObject({ kind: z.string(), steps: StepsShape });

/**
 * What the service itself follows of a stored record. Not the whole schema: records outlive the versions that wrote
 * them, and each is read often.
 */
const RecordShape = z
  .looseObject({
    id: z.string(),
    created_at: z.string(),
    retry_of: z.string().nullable(),
    spec: z.looseObject({
      labels: z.record(z.string(), z.string()),
      sources: z.array(anyObject),
      model: anyObject,
      method: anyObject,
      probe: z.union([anyObject, z.array(anyObject)]).optional(),
      compute: z.looseObject({ backend: z.string() }),
      priority: z.number(),
      max_attempts: z.number(),
    }),
    steps: StepsShape.optional(),
    plan: PlanShape.optional(),
    inputs: z.array(anyObject),
  })
  .refine(({ steps, plan }) => steps ?? plan);

const StateShape = z.looseObject({
  status: JobStatusSchema,
  attempt: z.number(),
  started_at: z.string().nullable(),
  worker: z.string().nullable(),
  progress: ProgressSchema,
});

const OutcomeShape = z.looseObject({
  status: JobStatusSchema,
  finished_at: z.string(),
  error: JobErrorSchema.nullable(),
});

const EventShape = z.looseObject({
  id: z.number(),
  type: z.string(),
  created_at: z.string(),
  data: z.looseObject({ progress: ProgressSchema }),
});

const DeliveryShape = z.looseObject({
  id: z.string(),
  event_id: z.number(),
  status: z.string(),
  attempts: z.array(anyObject),
});

const fits = (shape: z.ZodType) => (value: unknown) => shape.safeParse(value).success;

export const isRecord = fits(RecordShape);
export const isPlan = fits(PlanShape);
export const isState = fits(StateShape);
export const isOutcome = fits(OutcomeShape);
export const isEvent = fits(EventShape);
export const isDelivery = fits(DeliveryShape);
