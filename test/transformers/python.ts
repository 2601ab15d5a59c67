import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = path.join(root, 'test', 'transformers');

type Environment = { python: string } | { missing: string };

/** Interpreter with the packages of requirements.txt, made where it is missing; or why there can be none. */
export async function findPython(): Promise<Environment> {
  const { pythonEnvironment } = (await import(path.join(root, 'scripts', 'python-environment.mjs'))) as {
    pythonEnvironment: (name: string, requirements: string) => Environment;
  };
  return pythonEnvironment('transformers', path.join(folder, 'requirements.txt'));
}

/** Run a program of this folder to its end. What it prints is shown. @throws Error where it fails */
export function runPython(python: string, program: string, ...args: string[]): void {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', PYTHONDONTWRITEBYTECODE: '1' };
  execFileSync(python, [path.join(folder, program), ...args], { env, stdio: 'inherit' });
}
