import { useId } from 'preact/hooks';
import { shape } from '../../src/format/numbers.js';
import { SelectField } from './fields.js';
import type { JsonObject } from './json-path.js';
import { biasOf, follows, layerOf, type Tensor } from './recognise.js';
import { useAt } from './spec-state.js';
import { WidthField } from './width-field.js';

interface ChainProps {
  matrices: readonly Tensor[];
  vectors: readonly Tensor[];
  /** Widths are given elsewhere: by the points of a comparison. */
  compared: boolean;
}

/** Layers of a chain in the order they are applied, from the sources' own tensors. */
export function ChainModel({ matrices, vectors, compared }: ChainProps) {
  const { value, set, problem } = useAt<JsonObject[]>(['model', 'layers']);
  const layers = Array.isArray(value) ? value : [];
  const unused = matrices.filter(({ name }) => !layers.some(({ weight }) => weight === name));
  const move = (from: number, to: number) => {
    const next = [...layers];
    next.splice(to, 0, ...next.splice(from, 1));
    set(next);
  };
  const add = (name: string) => {
    const tensor = matrices.find((matrix) => matrix.name === name);
    if (!tensor) return;
    // The layer that was last gives its outputs to the new one: now it has a width.
    const before = layers.map((layer) => {
      const weight = matrices.find((matrix) => matrix.name === layer.weight);
      return layer.width === undefined && weight && !compared
        ? { ...layer, ...layerOf(weight, vectors, false) }
        : layer;
    });
    set([...before, layerOf(tensor, vectors, true)]);
  };
  return (
    <div class="stack">
      <ol class="layers">
        {layers.map((layer, n) => (
          <Layer
            key={`${n} ${layer.weight}`}
            n={n}
            layer={layer}
            count={layers.length}
            matrices={matrices}
            vectors={vectors}
            compared={compared}
            before={matrices.find(({ name }) => name === layers[n - 1]?.weight)}
            onMove={(to) => move(n, to)}
            onRemove={() => set(layers.filter((_, each) => each !== n))}
          />
        ))}
      </ol>
      {layers.length === 0 && problem && <p class="small problem">{problem}</p>}
      {unused.length > 0 && (
        <label class="row">
          <span>Add a layer</span>
          <select value="" onChange={({ currentTarget }) => add(currentTarget.value)}>
            <option value="">choose a tensor …</option>
            {unused.map(({ name, shapes }) => (
              <option key={name} value={name}>
                {name} ({shape(shapes[0])})
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="grid">
        <SelectField
          path={['model', 'inputs']}
          label="Inputs"
          options={[
            ['concatenated', 'side by side'],
            ['shared', 'the same for all sources'],
          ]}
        />
        <SelectField
          path={['model', 'outputs']}
          label="Outputs"
          options={[
            ['concatenated', 'side by side'],
            ['shared', 'weighted mean of the sources’'],
          ]}
        />
        {!compared && <WidthField path={['model', 'width']} label="Layers without a width" placeholder="none" />}
      </div>
    </div>
  );
}

interface LayerProps {
  n: number;
  layer: JsonObject;
  count: number;
  matrices: readonly Tensor[];
  vectors: readonly Tensor[];
  compared: boolean;
  before: Tensor | undefined;
  onMove: (to: number) => void;
  onRemove: () => void;
}

function Layer({ n, layer, count, matrices, vectors, compared, before, onMove, onRemove }: LayerProps) {
  const weight = useAt<string>(['model', 'layers', n, 'weight']);
  const bias = useAt<string>(['model', 'layers', n, 'bias']);
  const width = useAt(['model', 'layers', n, 'width']);
  const problems = [weight.problem, bias.problem, width.problem].filter(Boolean);
  const problemId = useId();
  const tensor = matrices.find(({ name }) => name === layer.weight);
  const found = tensor && biasOf(tensor, vectors);
  const last = n === count - 1;
  const gap = before && tensor && !follows(before, tensor);
  const title = `layer ${n + 1}, ${layer.weight}`;
  return (
    <li>
      <div class="layer-name">
        <span class="quiet">{n + 1}</span>
        <code data-pointer={weight.pointer}>{String(layer.weight)}</code>
        <span class="small quiet">
          {tensor ? [...new Set(tensor.shapes.map(shape))].join(' and ') : 'not in every source'}
        </span>
      </div>
      <div class="layer-controls">
        {(found || bias.value !== undefined) && (
          <label class="row check">
            <input
              type="checkbox"
              data-pointer={bias.pointer}
              checked={bias.value !== undefined}
              onChange={({ currentTarget }) => bias.set(currentTarget.checked ? found : undefined)}
            />
            bias
          </label>
        )}
        {last ? (
          <span class="small quiet">keeps its outputs</span>
        ) : (
          !compared && (
            <WidthField
              bare
              toldBy={problemId}
              path={['model', 'layers', n, 'width']}
              label={`Width of ${title}`}
              placeholder="width"
            />
          )
        )}
        <span class="layer-buttons">
          <button
            type="button"
            class="small plain"
            disabled={n === 0}
            onClick={() => onMove(n - 1)}
            aria-label={`Move ${title} up`}
          >
            ↑
          </button>
          <button
            type="button"
            class="small plain"
            disabled={last}
            onClick={() => onMove(n + 1)}
            aria-label={`Move ${title} down`}
          >
            ↓
          </button>
          <button type="button" class="small plain" onClick={onRemove} aria-label={`Remove ${title}`}>
            ✕
          </button>
        </span>
      </div>
      {gap && (
        <p class="small warn-text">
          Takes {shape([tensor.shapes[0][1]])} inputs; the layer before gives {shape([before.shapes[0][0]])}.
        </p>
      )}
      {problems.length > 0 && (
        <p id={problemId} class="small problem">
          {problems.join('; ')}
        </p>
      )}
    </li>
  );
}
