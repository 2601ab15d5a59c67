import { startApi } from './api/server.js';
import { loadConfigOrExit, runUntilSignal } from './run-until-signal.js';

// `npm run start:api`: the API alone; workers run elsewhere.
await runUntilSignal(async () => startApi(loadConfigOrExit()), 30);
