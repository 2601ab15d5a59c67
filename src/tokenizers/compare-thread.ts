/** Thread that compares the tokenizers of two folders, `workerData` being their paths, and posts what differs. */
import { parentPort, workerData } from 'node:worker_threads';
import { WeightfoldError } from '../errors.js';
import { tokenizerDifference } from './files.js';

const [first, second] = workerData as [string, string];
try {
  parentPort?.postMessage({ difference: await tokenizerDifference(first, second) });
} catch (error) {
  if (!(error instanceof WeightfoldError)) throw error;
  parentPort?.postMessage({ refused: { code: error.code, message: error.message } });
}
