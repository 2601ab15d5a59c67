import type { Checkpoint } from '../api/types.js';
import { ChainModel } from './chain-model.js';
import { Compare } from './compare.js';
import { EmbeddingModel } from './embedding-model.js';
import type { Json, JsonObject } from './json-path.js';
import { type Family, offerModel } from './offer-model.js';
import { commonTensors } from './recognise.js';
import { useAt, useSpecState } from './spec-state.js';
import { TransformerModel } from './transformer-model.js';

const FAMILIES: { family: Family; title: string; text: string }[] = [
  { family: 'auto', title: 'Whole transformer', text: 'BERT, RoBERTa, GPT-2, Llama, Mistral, Qwen2; by config.json' },
  { family: 'chain', title: 'Chain of layers', text: 'linear layers applied one after the other' },
  { family: 'embedding', title: 'Embedding', text: 'one table over a shared vocabulary' },
];

/** Which part of a comparison's widths is offered first. */
const SHARES = [0.5, 0.75, 0.9];

interface ModelProps {
  sources: readonly Checkpoint[];
  names: readonly string[];
  onOffer: (parts: { [key: string]: Json | undefined }) => void;
}

/** What the sources are, and which widths the result gets. */
export function Model({ sources, names, onOffer }: ModelProps) {
  const { spec } = useSpecState();
  const model = useAt<JsonObject>(['model']);
  const family = model.value?.family;
  const compared = spec.compare !== undefined;
  const known = FAMILIES.some((each) => each.family === family);
  const whole = family !== 'chain' && family !== 'embedding';
  const matrices = commonTensors(sources, 2);
  const offer = (next: Family, compare: boolean) => {
    const { model: offered, target } = offerModel(next, sources);
    onOffer({
      model: compare ? withoutWidths(offered) : offered,
      target: compare ? undefined : target,
      compare: compare ? { widths: SHARES } : undefined,
      method: undefined,
    });
  };
  return (
    <section class="card" aria-labelledby="model">
      <header>
        <h2 id="model">Model</h2>
        {!whole && (
          <fieldset class="tabs" aria-label="What is done">
            <button type="button" aria-pressed={!compared} onClick={() => offer(family as Family, false)}>
              one merge
            </button>
            <button type="button" aria-pressed={compared} onClick={() => offer(family as Family, true)}>
              compare methods
            </button>
          </fieldset>
        )}
      </header>
      <div class="body stack">
        <fieldset class="choices">
          <legend class="visually-hidden">Family</legend>
          {FAMILIES.map(({ family: each, title, text }) => (
            <label key={each} class="choice">
              <input type="radio" name="family" checked={family === each} onChange={() => offer(each, false)} />
              <span>
                <strong>{title}</strong>
                <span class="small quiet">{text}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {model.value !== undefined && !known && <p class="quiet">Family {String(family)}: edit its model as JSON.</p>}
        {model.own && <p class="small problem">{model.own}</p>}
        {compared && <Compare />}
        {family === 'chain' && (
          <ChainModel matrices={matrices} vectors={commonTensors(sources, 1)} compared={compared} />
        )}
        {family === 'embedding' && <EmbeddingModel matrices={matrices} compared={compared} />}
        {model.value !== undefined && whole && !compared && <TransformerModel names={names} sources={sources.length} />}
      </div>
    </section>
  );
}

/** The points of a comparison give the widths. */
function withoutWidths({ width: _, ...model }: JsonObject): JsonObject {
  const layers = model.layers as JsonObject[] | undefined;
  return layers ? { ...model, layers: layers.map(({ width: __, ...layer }) => layer) } : model;
}
