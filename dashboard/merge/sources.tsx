import { NumberField } from './fields.js';
import type { Json, JsonObject } from './json-path.js';
import { useAt } from './spec-state.js';

interface SourcesProps {
  names: readonly string[] | undefined;
  /** Whether parts of tensors may be taken. */
  sliced: boolean;
}

/** What is merged: checkpoints, or addresses the service reads. */
export function Sources({ names, sliced }: SourcesProps) {
  const { value, set, problem } = useAt<Json[]>(['sources']);
  const sources = Array.isArray(value) ? value : [];
  const taken = sources.map((source) => (source as JsonObject).checkpoint);
  const next = names?.find((name) => !taken.includes(name)) ?? names?.[0];
  return (
    <fieldset class="card">
      <legend class="visually-hidden">Sources</legend>
      <header>
        <h2>Sources</h2>
        <button type="button" class="small" onClick={() => set([...sources, { checkpoint: next ?? '' }])}>
          Add a source
        </button>
      </header>
      {names?.length === 0 && (
        <p class="body">
          No checkpoint is uploaded. <a href="#/checkpoints">Upload some</a>, or name addresses the service may read.
        </p>
      )}
      {sources.length > 0 && (
        <ol class="body stack sources-list">
          {sources.map((source, n) => (
            <Source
              key={n}
              n={n}
              names={names}
              source={source as JsonObject}
              sliced={sliced}
              alone={sources.length === 1}
            />
          ))}
        </ol>
      )}
      {sources.length === 0 && names?.length !== 0 && (
        <p class="body quiet">Add the models to merge. One alone can be made narrower or wider.</p>
      )}
      {problem && sources.length === 0 && <p class="body small problem">{problem}</p>}
    </fieldset>
  );
}

const OTHER = 'other';

function Source({
  n,
  names,
  source,
  sliced,
  alone,
}: {
  n: number;
  names: readonly string[] | undefined;
  source: JsonObject;
  sliced: boolean;
  alone: boolean;
}) {
  const { set, problem, pointer } = useAt<JsonObject>(['sources', n]);
  const uri = 'uri' in source;
  const chosen = uri ? OTHER : String(source.checkpoint ?? '');
  const unlisted = !uri && chosen !== '' && !names?.includes(chosen);
  const missing = unlisted && names !== undefined;
  const { checkpoint: _, uri: __, ...slices } = source;
  const choose = (name: string) => set({ ...slices, ...(name === OTHER ? { uri: 'hf://' } : { checkpoint: name }) });
  return (
    <li>
      <div class="row">
        <select
          aria-label={`Source ${n + 1}`}
          aria-invalid={problem !== undefined || missing}
          data-pointer={pointer}
          value={chosen}
          onChange={({ currentTarget }) => choose(currentTarget.value)}
        >
          {chosen === '' && <option value="">choose …</option>}
          {unlisted && <option value={chosen}>{chosen}</option>}
          {names?.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
          <option value={OTHER}>an address …</option>
        </select>
        {uri && (
          <input
            class="wide"
            aria-label={`Address of source ${n + 1}`}
            placeholder="hf://org/name@revision, https://, s3://, file://"
            value={String(source.uri)}
            onInput={({ currentTarget }) => set({ ...slices, uri: currentTarget.value })}
          />
        )}
        {!alone && (
          <button
            type="button"
            class="small plain"
            onClick={() => set(undefined)}
            aria-label={`Remove source ${n + 1}`}
          >
            Remove
          </button>
        )}
      </div>
      {sliced && <Slice n={n} axis="columns" />}
      {problem && <p class="small problem">{problem}</p>}
      {missing && !problem && (
        <p class="small problem">
          No checkpoint is called “{chosen}”. <a href="#/checkpoints">Upload it</a>, or choose another.
        </p>
      )}
    </li>
  );
}

/** Half-open range of a source's tensor; all of it where none is given. */
function Slice({ n, axis }: { n: number; axis: 'columns' | 'rows' }) {
  const path = ['sources', n, axis] as const;
  const { value, set } = useAt<Json[]>(path);
  return (
    <div class="row slice">
      <label class="row check">
        <input
          type="checkbox"
          checked={value !== undefined}
          onChange={({ currentTarget }) => set(currentTarget.checked ? [0, 1] : undefined)}
        />
        {axis} only
      </label>
      {value !== undefined && (
        <>
          <NumberField bare path={[...path, 0]} label={`First of the ${axis} of source ${n + 1}`} min={0} />
          <span>up to, without</span>
          <NumberField bare path={[...path, 1]} label={`End of the ${axis} of source ${n + 1}`} min={1} />
        </>
      )}
    </div>
  );
}
