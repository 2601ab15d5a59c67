import { SpecError } from '../errors.js';
import type { TensorInfo } from '../safetensors/header.js';
import type { Architecture } from './architecture.js';
import { perLayer, spaceWidth } from './binding.js';
import type { FamilyDescription } from './description.js';

/**
 * Names looked up per tensor of the file. Known families have fewer than two; a description may list older names of
 * each tensor, but not so many that looking for them takes longer than reading the file.
 */
const NAMES_PER_TENSOR = 64;

type Tensors = ReadonlyMap<string, TensorInfo>;

/**
 * Hold the number of layers against the tensors of the file, before the names of a layer's tensors are made.
 * @throws SpecError `config_invalid`
 */
export function checkLayers(family: FamilyDescription, { layers }: Architecture, tensors: Tensors, pointer: string) {
  const key = family.sizes.layers;
  if (layers > tensors.size)
    throw new SpecError(
      'config_invalid',
      `${key} of config.json is ${layers}, but the checkpoint holds ${tensors.size} tensors; a model has no more layers than tensors.`,
      pointer,
    );
  const patterns = [...family.tensors.flatMap(({ name, aliases }) => [name, ...aliases]), ...family.buffers];
  const names = patterns.filter(perLayer).length;
  if (names * layers > NAMES_PER_TENSOR * tensors.size)
    throw new SpecError(
      'config_invalid',
      `The family's description lists ${names} names per layer, and ${key} of config.json is ${layers}: ${names * layers} names ` +
        `for the ${tensors.size} tensors of the checkpoint. At most ${NAMES_PER_TENSOR} names per tensor are looked up.`,
      pointer,
    );
}

/**
 * Hold every size that is an axis of some tensor against the file: none is larger than the longest axis there is. Sizes
 * of tensors that a family requires were compared exactly before; a description may state sizes that none of its
 * tensors has.
 * @throws SpecError `config_invalid`
 */
export function checkSizes(family: FamilyDescription, a: Architecture, tensors: Tensors, pointer: string) {
  let longest = 1;
  for (const { shape } of tensors.values()) for (const extent of shape) longest = Math.max(longest, extent);
  const { sizes, positions } = family;
  const stated: [key: string, value: number][] = [
    [sizes.hidden, a.hidden],
    [sizes.heads, spaceWidth(a, 'heads')],
    [sizes.kv_heads ?? sizes.heads, spaceWidth(a, 'kv_heads')],
    [sizes.intermediate, a.ffn],
    [sizes.vocabulary, a.vocabulary],
    [sizes.types ?? 'types', a.types],
    // Rotary positions have no table: their number is a limit on sequences and sizes nothing.
    [sizes.positions ?? 'positions', positions.kind === 'learned' ? a.positions : 0],
  ];
  for (const [key, value] of stated)
    if (!Number.isSafeInteger(value) || value > longest)
      throw new SpecError(
        'config_invalid',
        `${key} of config.json makes an axis of ${value}, which no tensor of the checkpoint has: the longest has ${longest}.`,
        pointer,
      );
}
