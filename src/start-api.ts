import { startApi } from './api/server.js';
import { loadConfig } from './config.js';
import { runUntilSignal } from './run-until-signal.js';

// `npm run start:api`: the API alone; workers run elsewhere.
await runUntilSignal(async () => startApi(loadConfig()), 30);
