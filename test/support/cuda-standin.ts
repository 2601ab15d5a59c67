import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../standin/', import.meta.url));
const FLAGS = ['-std=gnu11', '-O2', '-fPIC', '-Wall', '-Wextra', '-Werror'];

/** File names of a CUDA release, as NVIDIA's installers give them. */
const RELEASES = {
  11: { version: 11080, runtime: 'libcudart.so.11.0', cublas: 'libcublas.so.11', cusolver: 'libcusolver.so.11' },
  12: { version: 12060, runtime: 'libcudart.so.12', cublas: 'libcublas.so.12', cusolver: 'libcusolver.so.11' },
  13: { version: 13000, runtime: 'libcudart.so.13', cublas: 'libcublas.so.13', cusolver: 'libcusolver.so.12' },
} as const;
export type Release = keyof typeof RELEASES;

/** Why the stand-in cannot be built here; null where it can. */
export const noStandin: string | null =
  process.platform !== 'linux'
    ? 'it is written for Linux'
    : spawnSync('gcc', ['--version']).status !== 0
      ? 'there is no gcc here to build it'
      : spawnSync('gcc', ['-shared', '-o', '/dev/null', '-x', 'c', '/dev/null', '-l:libopenblas.so.0']).status !== 0
        ? 'gcc finds no libopenblas.so.0 to link it with'
        : null;

/** Build the stand-in of one CUDA release (test/standin). @returns the folder of its libraries */
export function buildStandin(root: string, release: Release = 12): string {
  const folder = path.join(root, `cuda-${release}`);
  if (existsSync(folder)) return folder;
  mkdirSync(folder, { recursive: true });
  const { version, runtime, cublas, cusolver } = RELEASES[release];
  const link = (file: string, sources: string[], libraries: string[]) =>
    execFileSync('gcc', [
      ...FLAGS,
      `-DSTANDIN_CUDA=${version}`,
      '-shared',
      `-Wl,-soname,${file}`,
      '-Wl,-rpath,$ORIGIN:$ORIGIN/..',
      '-o',
      path.join(folder, file),
      ...sources.map((source) => path.join(SOURCES, source)),
      `-L${root}`,
      ...libraries,
    ]);
  // The driver and what all releases share exist once, as on a real machine.
  const shared = path.join(root, 'libstandin.so');
  if (!existsSync(shared)) {
    execFileSync('gcc', [...FLAGS, '-shared', '-o', shared, path.join(SOURCES, 'core.c'), '-lpthread']);
    link('../libcuda.so.1', ['driver.c'], ['-lstandin', '-lm']);
  }
  symlinkSync('../libcuda.so.1', path.join(folder, 'libcuda.so.1'));
  link(runtime, ['cudart.c'], ['-lstandin']);
  link(cublas, ['cublas.c'], ['-lstandin', '-l:libopenblas.so.0', '-lm']);
  link(cusolver, ['cusolver.c'], ['-lstandin', '-l:libopenblas.so.0', '-lm']);
  return folder;
}

/** What the stand-in reported: anything that a real card does not promise to survive. */
export const violationsIn = (log: string): string[] =>
  existsSync(log)
    ? readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.includes('VIOLATION'))
    : [];
