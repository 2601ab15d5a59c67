import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { kernelSource } from '../../workers/linalg/cuda/kernels.js';
import {
  CUBLAS,
  CUBLAS_TYPED,
  CUSOLVER,
  CUSOLVER_TYPED,
  DRIVER,
  RUNTIME,
} from '../../workers/linalg/cuda/prototypes.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/cuda-declarations.json', import.meta.url));
const declared = (JSON.parse(readFileSync(FIXTURE, 'utf8')) as { functions: Record<string, string[]> }).functions;

/** Every function the backend binds, by name, with its argument types as it declares them. */
const bound = new Map<string, string[]>();
for (const prototypes of [RUNTIME, DRIVER, CUBLAS, CUBLAS_TYPED, CUSOLVER, CUSOLVER_TYPED])
  for (const text of Object.values(prototypes))
    for (const [letter, real] of [
      ['S', 'float'],
      ['D', 'double'],
    ]) {
      const [, name, list] = /(\w+)\((.*)\)$/.exec(text.replaceAll('{t}', letter).replaceAll('{r}', real)) ?? [];
      const types = list.split(',').map((argument) => argument.trim().replace(/\w+$/, ''));
      bound.set(name, types);
    }

/** Handles of the headers: pointers to structures that are nobody's business. */
const HANDLES =
  /^(cudaStream_t|cudaEvent_t|cublasHandle_t|cusolverDnHandle_t|cusolverDnParams_t|CUmodule|CUfunction|CUstream)$/;
/** Typedefs of the headers that are integers of their own name. */
const INTEGERS: Record<string, string> = { CUdevice: 'int', 'signed char': 'int8_t' };
const PLAIN = /^(int|unsigned int|int64_t|size_t|int8_t|float|double|void|char)$/;
/** Every other type name of the headers is an enumeration, which C passes as an int. */
const ENUMERATION =
  /^(cudaError_t|cuda(DeviceAttr|MemcpyKind)|cudaDataType(_t)?|cublas\w+_t|cusolver\w+_t|libraryPropertyType)$/;

/** A type by what is passed: base type and number of indirections, handles counting as one of void. */
function passed(type: string): string {
  const text = type.replace(/\b(const|enum)\b/g, '');
  let stars = (text.match(/\*/g) ?? []).length;
  let base = text.replaceAll('*', '').trim().replace(/\s+/g, ' ');
  if (HANDLES.test(base)) {
    base = 'void';
    stars++;
  } else if (INTEGERS[base]) base = INTEGERS[base];
  else if (!PLAIN.test(base)) {
    if (!ENUMERATION.test(base)) throw new Error(`Unknown type "${type}".`);
    base = 'int';
  }
  return base + '*'.repeat(stars);
}

describe('the CUDA functions that are called', () => {
  it('are all declared in the fixture, and no other is', () => {
    expect([...bound.keys()].sort()).toEqual(Object.keys(declared).sort());
  });

  it.each([...bound])('%s has the vendor’s argument types', (name, types) => {
    expect(types.map(passed)).toEqual(declared[name].map(passed));
  });
});

const FOLDERS = [process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda', '/usr'].flatMap((home) =>
  home ? [path.join(home, 'include')] : [],
);

/** Argument types of a function in a C header, or undefined. */
function declarationIn(header: string, name: string): string[] | undefined {
  const found = new RegExp(`API\\s+${name}\\s*\\(([^;]*?)\\)\\s*;`).exec(header);
  return found?.[1].split(',').map((argument) =>
    argument
      .replace(/__dv\(\w+\)/, '')
      .trim()
      .replace(/\w+$/, ''),
  );
}

for (const [file, prototypes] of [
  ['cuda_runtime_api.h', RUNTIME],
  ['cuda.h', DRIVER],
  ['cublas_api.h', CUBLAS],
  ['cusolverDn.h', CUSOLVER],
] as const) {
  const location = FOLDERS.map((folder) => path.join(folder, file)).find(existsSync);
  if (!location) it.skip(`${file} of this machine: there is none in ${FOLDERS.join(', ')}`, () => {});
  else
    it(`${file} of this machine says the same`, () => {
      const header = readFileSync(location, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
      const names = Object.keys(prototypes).filter((name) => name !== 'cusolverGetVersion');
      for (const name of names)
        expect([name, declarationIn(header, name)?.map(passed)]).toEqual([name, bound.get(name)?.map(passed)]);
    });
}

const PTXAS = [process.env.CUDA_HOME, process.env.CUDA_PATH, '/usr/local/cuda']
  .flatMap((home) => (home ? [path.join(home, 'bin', 'ptxas')] : []))
  .find(existsSync);
if (!PTXAS) it.skip('the kernels are valid PTX: there is no ptxas here', () => {});
else
  it.each(['sm_75', 'sm_80', 'sm_90'])('the kernels are valid PTX: ptxas compiles them for %s', (architecture) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wf-ptx-'));
    const source = path.join(folder, 'kernels.ptx');
    writeFileSync(source, kernelSource('sm_75'));
    execFileSync(PTXAS, ['-arch', architecture, source, '-o', path.join(folder, 'kernels.cubin')]);
  });
