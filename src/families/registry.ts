import { SpecError } from '../errors.js';
import { bert } from './bert.js';
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

/** @throws SpecError `family_unknown` naming what config.json says and what is known. */
export function familyOf(choice: string | FamilyDescription, config: Record<string, unknown>): FamilyDescription {
  if (typeof choice !== 'string') return choice;
  const found = choice === 'auto' ? detectFamily(config) : FAMILIES.get(choice);
  if (found) return found;
  const subject =
    choice === 'auto'
      ? `model_type ${JSON.stringify(config.model_type ?? null)}, architectures ${JSON.stringify(config.architectures ?? null)} of config.json`
      : `"${choice}"`;
  throw new SpecError(
    'family_unknown',
    `No family matches ${subject}. Known: ${[...FAMILIES.keys()].join(', ')}; any other can be described inline in model.description.`,
    '/model/family',
  );
}
