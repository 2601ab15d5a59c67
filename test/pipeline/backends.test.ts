import { describe, it } from 'vitest';
import { PlainBackend } from '../../workers/linalg/plain/backend.js';
import { TfjsBackend } from '../../workers/linalg/tfjs/backend.js';
import { openWasm } from '../../workers/linalg/tfjs/wasm.js';
import { linearAlgebraSuite } from '../linalg/suite.js';
import { openBackends } from '../support/backends.js';
import { temporaryFolder } from '../support/temporary.js';
import { pipelineGoldens } from './goldens.js';

const root = temporaryFolder();

// Each backend of this machine. The service's own golden tests and test/linalg cover BLAS; a GPU runs both here.
for (const { title, la, reason, backend } of await openBackends()) {
  if (!la) describe(title, () => it.skip(`is not here: ${reason}`, () => {}));
  else if (backend !== 'cpu') pipelineGoldens(title, root, la);
  if (la && la.info.device !== null) linearAlgebraSuite(title, () => la);
}

// Where neither BLAS nor a GPU is.
pipelineGoldens(
  'tfjs on WebAssembly, float64 in TypeScript',
  root,
  new TfjsBackend(await openWasm(), new PlainBackend()),
  { sampled: false },
);
