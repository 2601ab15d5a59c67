import { PlainBackend } from '../../workers/linalg/plain/backend.js';
import { linearAlgebraSuite } from './suite.js';

linearAlgebraSuite('plain TypeScript, fast enough to use', () => new PlainBackend());
