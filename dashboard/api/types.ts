import type { components } from '../../src/client/index.js';

/** Resources as the client returns them. */
type Schemas = components['schemas'];

export type Artifact = Schemas['Artifact'];
export type Checkpoint = Schemas['Checkpoint'];
export type ComparisonMetrics = Schemas['ComparisonMetrics'];
export type ComparisonPlan = Schemas['ComparisonPlan'];
export type ComparisonRow = Schemas['ComparisonRow'];
export type Job = Schemas['Job'];
export type JobEvent = Schemas['JobEvent'];
export type JobSpec = Schemas['JobSpec'];
export type LinearMetrics = Schemas['LinearMetrics'];
export type LinearPlan = Schemas['LinearPlan'];
export type Metrics = Schemas['Metrics'];
export type Plan = Schemas['Plan'];
export type Problem = Schemas['Problem'];
export type Readiness = Schemas['Readiness'];
export type TransformerMetrics = Schemas['TransformerMetrics'];
export type TransformerPlan = Schemas['TransformerPlan'];
export type Worker = Schemas['Worker'];
export type JobStatus = Job['status'];
export type SpaceMetrics = LinearMetrics['spaces'][number];
