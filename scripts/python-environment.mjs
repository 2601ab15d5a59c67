// A Python virtual environment for the scripts that compare the service with Python programs: in .venv, which git ignores.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Written last: without it, an environment is half made. */
const STAMP = 'weightfold-requirements.sha256';
/** A machine without network is to say so soon. */
const PIP_RETRIES = '2';

/** What a command printed, of all its text the line that says why it failed. */
function reasonOf({ error, stdout, stderr }) {
  if (error) return error.message;
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const network = lines.find((line) => /NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError/.test(line));
  const last = lines.findLast((line) => /^error/i.test(line)) ?? lines.at(-1) ?? 'no message';
  return network ? `${last} (no connection: ${network.slice(0, 200)})` : last;
}

/**
 * A virtual environment `.venv/NAME` with the packages of a pinned requirements file. It is made where it is missing, and
 * again where the file or the interpreter has changed; otherwise it is reused as it is.
 * The interpreter is `python3`, or the one that the variable PYTHON names.
 * @param {string} name of the folder in `.venv`
 * @param {string} requirements path of the pip requirements file
 * @param {number[]} least oldest version of Python, [major, minor], that the pinned packages support
 * @returns {{ python: string, program: (name: string) => string } | { missing: string }} the environment's interpreter and
 *   the paths of its programs, or the reason why there is none
 */
export function pythonEnvironment(name, requirements, least = [3, 10]) {
  const base = process.env.PYTHON || 'python3';
  const run = (program, args) => spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const asked = run(base, ['-c', 'import sys; print(*sys.version_info[:3], sys.executable)']);
  if (asked.error?.code === 'ENOENT') return { missing: `there is no ${base}; the variable PYTHON names another` };
  const [major, minor, patch, executable] = asked.stdout?.trim().split(' ') ?? [];
  if (asked.status !== 0 || !executable) return { missing: `${base} does not run: ${reasonOf(asked)}` };
  const version = [major, minor, patch].join('.');
  if (Number(major) !== least[0] || Number(minor) < least[1])
    return {
      missing: `${base} is Python ${version}; ${least.join('.')} or newer is needed, and the variable PYTHON can name it`,
    };

  const folder = path.join(root, '.venv', name);
  const programs = path.join(folder, 'bin');
  const python = path.join(programs, 'python');
  const environment = { python, program: (program) => path.join(programs, program) };
  const stamp = path.join(folder, STAMP);
  const wanted = createHash('sha256')
    .update(`${version} ${executable}\n`)
    .update(readFileSync(requirements))
    .digest('hex');
  if (existsSync(python) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return environment;

  process.stderr.write(`Making ${path.relative(root, folder)} with the packages of ${path.basename(requirements)} …\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  const made = run(base, ['-m', 'venv', folder]);
  if (made.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    // Debian and Ubuntu ship Python without it.
    const advice = /ensurepip|No module named venv/.test(made.stdout + made.stderr)
      ? '; on Debian and Ubuntu, apt-get install python3-venv'
      : '';
    return { missing: `${base} -m venv failed: ${reasonOf(made)}${advice}` };
  }
  const pip = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-input',
    '--retries',
    PIP_RETRIES,
  ];
  const installed = run(python, [...pip, '--requirement', requirements]);
  if (installed.status !== 0) return { missing: `pip could not install ${requirements}: ${reasonOf(installed)}` };
  writeFileSync(stamp, wanted);
  return environment;
}
