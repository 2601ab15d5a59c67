import { SpecError } from '../errors.js';
import { bert } from './bert.js';
import { shown } from './config-reader.js';
import { type FamilyDescription, FamilyDescriptionSchema } from './description.js';
import { gpt2 } from './gpt2.js';
import { llama } from './llama.js';
import { mistral } from './mistral.js';
import { qwen2 } from './qwen2.js';
import { roberta } from './roberta.js';

/** Every transformer family weightfold knows, validated by the schema custom descriptions go through. */
export const FAMILIES: ReadonlyMap<string, FamilyDescription> = new Map(
  [bert, roberta, gpt2, llama, mistral, qwen2].map((input) => [input.family, FamilyDescriptionSchema.parse(input)]),
);

/** The family of a config.json, from `model_type`, else `architectures`; undefined where neither is known. */
function detectFamily(config: Record<string, unknown>): FamilyDescription | undefined {
  const architectures = Array.isArray(config.architectures) ? config.architectures : [];
  for (const family of FAMILIES.values()) {
    if (typeof config.model_type === 'string' && family.model_types.includes(config.model_type)) return family;
    if (
      config.model_type === undefined &&
      architectures.some((name) => Object.hasOwn(family.architectures, String(name)))
    )
      return family;
  }
  return undefined;
}

/**
 * The family that a spec chooses, which must be the config's: a checkpoint of another model type would be read as a model
 * that it is not.
 * @throws SpecError `family_unknown`, `family_mismatch` naming what config.json says and what is known
 */
export function familyOf(choice: string | FamilyDescription, config: Record<string, unknown>): FamilyDescription {
  if (choice === 'auto') {
    const found = detectFamily(config);
    if (found) return found;
    throw unknown(
      `model_type ${shown(config.model_type ?? null)}, architectures ${shown(config.architectures ?? null)} of config.json`,
    );
  }
  const family = typeof choice === 'string' ? FAMILIES.get(choice) : choice;
  if (!family) throw unknown(`"${choice}"`);
  if (config.model_type !== undefined && !family.model_types.includes(config.model_type as string))
    throw mismatch(family, config, typeof choice !== 'string');
  return family;
}

function unknown(subject: string): SpecError {
  return new SpecError(
    'family_unknown',
    `No family matches ${subject}. Known: ${[...FAMILIES.keys()].join(', ')}; any other can be described inline in model.description.`,
    '/model/family',
  );
}

function mismatch(family: FamilyDescription, config: Record<string, unknown>, described: boolean): SpecError {
  const own = detectFamily(config);
  const advice = own
    ? `Use family "${own.family}" or "auto".`
    : `No known family has this model type (known: ${[...FAMILIES.keys()].join(', ')}); it can be described inline in model.description.`;
  return new SpecError(
    'family_mismatch',
    `config.json says model_type ${shown(config.model_type)}, but family ${family.family} is for ${family.model_types.join(', ')}: it would be another model. ` +
      (described ? `If the description fits, add the type to its model_types.` : advice),
    described ? '/model/description/model_types' : '/model/family',
  );
}
