/** The page of a job: of a merge or of a comparison. */
export const REPORT_FILE = 'report.html';

/** What a job has measured. */
export const METRICS_FILE = 'metrics.json';
