import type { LinearAlgebra, Matrix, Svd } from './contract.js';

const MAKERS: readonly string[] = ['upload', 'receive', 'zeros', 'cast', 'gemm', 'syrk', 'svd', 'complement'];

export interface Owned {
  la: LinearAlgebra;
  /** Matrices that were made through `la` and not disposed yet. */
  held: ReadonlySet<Matrix>;
  /** Dispose all of them. */
  release(): void;
}

/** The same backend, which knows what it still holds. Nothing but `dispose` frees the memory of a device. */
export function owning(backend: LinearAlgebra): Owned {
  const held = new Set<Matrix>();
  const note = (made: Matrix | Svd) => {
    for (const matrix of 'u' in made ? [made.u, made.v] : [made]) held.add(matrix);
    return made;
  };
  const la = new Proxy(backend, {
    get(target, verb) {
      const value = Reflect.get(target, verb);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        const made = value.apply(target, given);
        if (verb === 'dispose') held.delete(given[0] as Matrix);
        const isNew = MAKERS.includes(String(verb)) && !(given.at(-1) as { out?: Matrix } | undefined)?.out;
        if (!isNew) return made;
        return made instanceof Promise ? made.then(note) : note(made);
      };
    },
  });
  const release = () => {
    for (const matrix of held) backend.dispose(matrix);
    held.clear();
  };
  return { la, held, release };
}
