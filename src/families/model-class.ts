import { SpecError } from '../errors.js';
import { type Config, ConfigReader } from './config-reader.js';
import { type FamilyDescription, HEAD_SLOTS, type Slot, type TensorPattern } from './description.js';

/** Names of a checkpoint's tensors. */
export type TensorNames = Pick<ReadonlyMap<string, unknown>, 'has' | 'keys'>;

export interface ModelClass {
  /** Stock class the result is written as. */
  className: string;
  head: 'none' | 'causal' | 'masked';
}

/**
 * The class that config.json names. Where it names none, the tensors decide: a model with its head complete, else the
 * base model.
 * @throws SpecError `class_unsupported` where config.json names only classes that the family cannot make
 */
export function modelClass(
  family: FamilyDescription,
  config: Config,
  tensors: TensorNames | undefined,
  pointer: string,
): ModelClass {
  const { architectures } = config;
  const named = Array.isArray(architectures) ? architectures.map(String) : architectures ? [String(architectures)] : [];
  const known = named.find((name) => Object.hasOwn(family.architectures, name));
  if (known === undefined && named.length > 0)
    throw new SpecError(
      'class_unsupported',
      `architectures of config.json names ${named.join(', ')}. Family ${family.family} is supported as ` +
        `${Object.keys(family.architectures).join(', ')}. Save the model as one of these first, for example its base model ` +
        'with AutoModel.from_pretrained(…).save_pretrained(…).',
      pointer,
    );
  const className = known ?? classByTensors(family, config, tensors, pointer);
  const { as = className, head } = family.architectures[className];
  return { className: as, head };
}

/** Whether a head with this family's tied weights, or a decoder of its own, is stored whole. */
function classByTensors(
  family: FamilyDescription,
  config: Config,
  tensors: TensorNames | undefined,
  pointer: string,
): string {
  const classes = Object.entries(family.architectures);
  if (!tensors) return classes[0][0];
  const tied = statedTie(family, config, pointer);
  const needed = family.tensors.filter(
    ({ slots, part, optional }) =>
      HEAD_SLOTS.includes(slots[0]) && !optional && !(tied && slots[0] === 'decoder' && part === 'weight'),
  );
  const complete = needed.every((pattern) => storedNames(pattern, tied).some((stored) => tensors.has(stored)));
  const headed = complete && (needed.length > 0 || hasBasePrefix(family, tensors));
  const fits = classes.filter(([, { head }]) => (head !== 'none') === headed);
  const own = fits.find(([, { model_type }]) => model_type === config.model_type);
  return (own ?? fits[0] ?? classes[0])[0];
}

/** Whether the names start with the base model's prefix, as they do inside a model with a head. */
export const hasBasePrefix = (
  { base_prefix: prefix }: FamilyDescription,
  tensors: Pick<TensorNames, 'keys'>,
): boolean => prefix !== '' && [...tensors.keys()].some((name) => name.startsWith(prefix));

/**
 * Whether the decoder is the word embedding. A decoder that is stored counts, whatever config.json says: `transformers`
 * does not tie two stored tensors that differ, and two that agree may be read either way.
 */
export const isTied = (
  family: FamilyDescription,
  config: Config,
  tensors: TensorNames | undefined,
  pointer: string,
): boolean => statedTie(family, config, pointer) && !(tensors && storedName(family, 'decoder', tensors));

/** Whether config.json ties the embeddings. @throws SpecError `config_invalid` */
export const statedTie = ({ tie }: FamilyDescription, config: Config, pointer: string): boolean =>
  new ConfigReader(config, pointer).boolean(tie.key, tie.default);

/**
 * Names under which a file may hold a pattern's tensor, the one that counts first. The further names of a parameter are
 * the same vector only where config.json ties; else each is a parameter of its own, and `name` is the one that is read.
 */
export const storedNames = ({ name, aliases, also }: TensorPattern, tieStated: boolean): string[] => [
  name,
  ...aliases,
  ...(tieStated ? also : []),
];

/** Name of a weight outside the layers as the file has it; undefined where it has none. */
function storedName(family: FamilyDescription, slot: Slot, tensors: TensorNames): string | undefined {
  const pattern = family.tensors.find(({ slots, part }) => slots[0] === slot && part === 'weight');
  if (!pattern) return undefined;
  const base = hasBasePrefix(family, tensors) ? family.base_prefix : '';
  return [pattern.name, ...pattern.aliases]
    .map((name) => name.replace('{base}', base))
    .find((name) => tensors.has(name));
}

/**
 * A checkpoint's tensors, the word embedding among them. Of two tied tensors a file may hold the decoder alone, which
 * then is the word embedding as well.
 */
export function withTiedWord<T>(
  family: FamilyDescription,
  config: Config,
  tensors: ReadonlyMap<string, T>,
  pointer: string,
): ReadonlyMap<string, T> {
  const decoder = storedName(family, 'decoder', tensors);
  const word = family.tensors.find(({ slots }) => slots[0] === 'word');
  if (!decoder || !word || !statedTie(family, config, pointer) || storedName(family, 'word', tensors)) return tensors;
  const base = hasBasePrefix(family, tensors) ? family.base_prefix : '';
  return new Map([...tensors, [word.name.replace('{base}', base), tensors.get(decoder) as T]]);
}

/** Config keys that say whether tensors exist, as config.json sets them. @throws SpecError `config_invalid` */
export function flagsOf(family: FamilyDescription, config: Config, pointer: string): Record<string, boolean> {
  const flags: Record<string, boolean> = {};
  const read = new ConfigReader(config, pointer);
  for (const { flag } of family.tensors) if (flag) flags[flag.key] = read.boolean(flag.key, flag.default);
  return flags;
}
