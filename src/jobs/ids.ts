import { monotonicFactory } from 'ulid';

const ulid = monotonicFactory();

/** Identifiers sort by creation time, also within one millisecond of one process. */
export const newJobId = (): string => `job_${ulid()}`;
