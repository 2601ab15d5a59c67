import { urlOf } from '../api/base-url.js';
import { Code } from '../parts/code.js';

/** What a newcomer sees: no job yet, and the two ways to the first one. */
export function FirstSteps() {
  const base = urlOf('');
  const commands = `curl -T a.safetensors ${base}/v1/checkpoints/a/files/model.safetensors
curl -T b.safetensors ${base}/v1/checkpoints/b/files/model.safetensors
curl ${base}/v1/jobs -H 'content-type: application/json' -d '{
  "sources": [{"checkpoint": "a"}, {"checkpoint": "b"}],
  "model": {"family": "chain", "layers": [
    {"weight": "layers.0.weight", "width": 768},
    {"weight": "layers.1.weight"}]}}'`;
  return (
    <div class="card empty">
      <h2>No jobs yet</h2>
      <p>
        A job merges trained models into one of a width you choose. Upload their checkpoints (safetensors), say which
        tensors to merge, look at the plan, and submit.
      </p>
      <p class="row">
        <a class="button primary" href="#/checkpoints">
          1. Upload checkpoints
        </a>
        <a class="button" href="#/new">
          2. Build a merge
        </a>
      </p>
      <p class="quiet">or from a shell, with names of your own:</p>
      <Code label="Commands for a first job" text={commands} />
    </div>
  );
}
