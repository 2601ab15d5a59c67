import { loadConfig } from '../src/config.js';
import { selectBackend } from './linalg/registry.js';
import { measureMachine } from './measure-machine.js';

// Measure the backend's speed, say it on standard output, and end.
const config = loadConfig();
const { la } = await selectBackend(config.COMPUTE_BACKEND, config);
const speed = await measureMachine(la, config.DATA_DIR);
process.stdout.write(`\n${JSON.stringify(speed)}\n`, () => process.exit(0));
