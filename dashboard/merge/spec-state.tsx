import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Problem } from '../api/types.js';
import { at, type Json, type JsonObject, type Path, pointerOf } from './json-path.js';

/** The spec being built, as it will be sent: form and JSON editor are two views of it. */
export interface SpecState {
  spec: JsonObject;
  /** Put a value at a path; undefined leaves it to the default. */
  set: (path: Path, value: Json | undefined) => void;
  /** What the API says is wrong with it. */
  errors: Problem['errors'];
}

export const SpecContext = createContext<SpecState>({ spec: {}, set: () => {}, errors: [] });

export const useSpecState = () => useContext(SpecContext);

export interface AtPath<T extends Json> {
  value: T | undefined;
  set: (value: T | undefined) => void;
  pointer: string;
  /** What is wrong with this value or something in it. */
  problem: string | undefined;
  /** What is wrong with this very value: what is in it has fields of its own. */
  own: string | undefined;
}

/** One place of the spec. */
export function useAt<T extends Json>(path: Path): AtPath<T> {
  const { spec, set, errors } = useSpecState();
  const pointer = pointerOf(path);
  const here = errors.filter((error) => error.pointer === pointer || error.pointer.startsWith(`${pointer}/`));
  const told = (list: Problem['errors']) =>
    list.length > 0 ? list.map(({ message }) => message).join('; ') : undefined;
  return {
    value: at(spec, path) as T | undefined,
    set: (value) => set(path, value),
    pointer,
    problem: told(here),
    own: told(here.filter((error) => error.pointer === pointer)),
  };
}
