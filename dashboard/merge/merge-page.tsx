import { useEffect, useRef, useState } from 'preact/hooks';
import { useSearchParams } from 'wouter-preact';
import { api, dataOf } from '../api/client.js';
import type { Checkpoint } from '../api/types.js';
import { ProblemNotice } from '../parts/problem-notice.js';
import { useTitle } from '../parts/use-title.js';
import { forgetCheckpoints, useCheckpointNames, useCheckpoints } from './checkpoints.js';
import { JsonEditor } from './json-editor.js';
import { type Json, type JsonObject, type Path, put } from './json-path.js';
import { Method } from './method.js';
import { Model } from './model.js';
import { Naming } from './naming.js';
import { type Family, offerModel } from './offer-model.js';
import { Output } from './output.js';
import { PlanPanel } from './plan-panel.js';
import { Probe } from './probe.js';
import { familyFor } from './recognise.js';
import { Sources } from './sources.js';
import { SpecContext } from './spec-state.js';
import { usePlan } from './use-plan.js';

/** Build a spec from the checkpoints there are, see its plan, submit it. */
export function MergePage() {
  useTitle('New merge');
  const [query] = useSearchParams();
  const from = query.get('from');
  const [spec, setSpec] = useState<JsonObject>(() => ({
    sources: (query.getAll('source') ?? []).map((checkpoint) => ({ checkpoint })),
  }));
  const [asText, setAsText] = useState(false);
  const [missing, setMissing] = useState<Error>();
  useEffect(forgetCheckpoints, []);
  useEffect(() => {
    if (!from) return;
    dataOf(api.GET('/v1/jobs/{id}', { params: { path: { id: from } } })).then(
      (job) => setSpec(withoutDefaults(job.spec as unknown as JsonObject)),
      setMissing,
    );
  }, [from]);
  const planned = usePlan(spec);
  const errors = planned.stale ? [] : (planned.error?.problem?.errors ?? []);
  const set = (path: Path, value: Json | undefined) => setSpec((old) => (put(old, path, value) ?? {}) as JsonObject);
  return (
    <SpecContext.Provider value={{ spec, set, errors }}>
      <div class="head">
        <h1>New merge</h1>
        <fieldset class="tabs" aria-label="Edit as">
          <button type="button" aria-pressed={!asText} onClick={() => setAsText(false)}>
            Form
          </button>
          <button type="button" aria-pressed={asText} onClick={() => setAsText(true)}>
            JSON
          </button>
        </fieldset>
      </div>
      {missing && <ProblemNotice title="The job to start from could not be loaded." error={missing} />}
      <div class="merge">
        <div>{asText ? <JsonEditor spec={spec} onChange={setSpec} /> : <Form spec={spec} onSpec={setSpec} />}</div>
        <PlanPanel spec={spec} planned={planned} />
      </div>
    </SpecContext.Provider>
  );
}

/** Every part of a spec that has fields. A model is offered as soon as the sources are known. */
function Form({ spec, onSpec }: { spec: JsonObject; onSpec: (change: (old: JsonObject) => JsonObject) => void }) {
  const { names, error } = useCheckpointNames();
  const wanted = checkpointsOf(spec);
  const known = useCheckpoints(wanted);
  const sources = wanted.map((name) => known[name]).filter((source): source is Checkpoint => source !== undefined);
  const complete = sources.length > 0 && sources.length === wanted.length;
  /** The model and target offered last: while they stand as they are, nobody has chosen anything. */
  const offered = useRef<string>();
  const apply = (old: JsonObject, parts: { [key: string]: Json | undefined }) => {
    offered.current = JSON.stringify([parts.model, parts.target]);
    return Object.entries(parts).reduce((next, [key, value]) => (put(next, [key], value) ?? {}) as JsonObject, old);
  };
  useEffect(() => {
    if (!complete) return;
    // Looked at when it is applied: something may have been typed meanwhile.
    onSpec((old) => {
      const whole = (old.sources as JsonObject[]).every(({ columns, rows }) => !columns && !rows);
      const untouched =
        JSON.stringify([old.model, old.target]) === offered.current && old.compare === undefined && whole;
      if (old.model !== undefined && !untouched) return old;
      const chosen = (old.model as JsonObject | undefined)?.family as Family | undefined;
      return apply(old, offerModel(chosen ?? familyFor(sources), sources));
    });
  }, [complete, JSON.stringify(wanted)]);
  const family = (spec.model as JsonObject | undefined)?.family;
  const whole = spec.model !== undefined && family !== 'chain' && family !== 'embedding';
  const compared = spec.compare !== undefined;
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      {error && <ProblemNotice title="The checkpoints could not be listed." error={error} again />}
      <Sources names={names} sliced={family === 'embedding'} />
      {(complete || spec.model !== undefined) && (
        <Model sources={sources} names={names ?? []} onOffer={(parts) => onSpec((old) => apply(old, parts))} />
      )}
      {spec.model !== undefined && (
        <>
          {!compared && <Method names={names ?? []} whole={whole} />}
          <Probe names={names ?? []} whole={whole} />
          <Output whole={whole} compared={compared} />
          <Naming />
        </>
      )}
    </form>
  );
}

const checkpointsOf = ({ sources }: JsonObject): string[] =>
  (Array.isArray(sources) ? sources : []).flatMap((source) => {
    const name = (source as JsonObject | null)?.checkpoint;
    return typeof name === 'string' && name ? [name] : [];
  });

/** The spec of a job holds every default; a form that starts from it shows what was chosen. */
function withoutDefaults(spec: JsonObject): JsonObject {
  const defaults: [Path, Json][] = [
    [['labels'], {}],
    [['method', 'mode'], 'diag'],
    [['method', 'basis'], 'weight'],
    [['method', 'factorization'], 'auto'],
    [['method', 'solver'], { type: 'exact' }],
    [['method', 'padding'], 'orthonormal'],
    [['method', 'fit'], 'auto'],
    [['probe'], { inputs: 'random', rows: 32, seed: 33 }],
    [['output', 'max_shard_size'], '5GB'],
    [['output', 'directions'], false],
    [['compute', 'backend'], 'auto'],
    [['priority'], 0],
    [['timeout_seconds'], 3600],
    [['max_attempts'], 3],
    [['model', 'inputs'], 'concatenated'],
    [['model', 'outputs'], 'concatenated'],
    [['model', 'extra_tensors'], 'fail'],
  ];
  const at = (path: Path) =>
    path.reduce<Json | undefined>((value, part) => (value as JsonObject | undefined)?.[part], spec);
  return defaults
    .filter(([path, value]) => JSON.stringify(at(path)) === JSON.stringify(value))
    .reduce((rest, [path]) => (put(rest, path, undefined) ?? {}) as JsonObject, spec);
}
