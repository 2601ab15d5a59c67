// Everything a fresh machine needs beside Node: packages, the system's Redis and OpenBLAS, the build; with --tests a
// Chromium too, without which the tests of the dashboard are skipped.
// Plain JavaScript without dependencies, because nothing is installed when it runs. Does nothing where nothing is missing.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const LEAST_NODE = [20, 19];

const say = (text) => process.stderr.write(`setup: ${text}\n`);
const fail = (text) => {
  say(text);
  process.exit(1);
};
const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]))
    fail(
      `Node ${process.versions.node} is too old; ${LEAST_NODE.join('.')} or newer is needed (22 or 24 recommended).`,
    );
}

function installPackages() {
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  const wanted = path.join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  say('installing npm packages …');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) fail('npm ci failed; see above.');
}

/** Whether a BLAS with LAPACK can be loaded, asked of the very code that will load it. */
function hasBlas() {
  if (process.env.BLAS_LIBRARY) return true;
  if (os.platform() === 'darwin') return true; // Accelerate
  const koffi = createRequire(path.join(root, 'package.json')).resolve('koffi');
  const arch = os.arch() === 'arm64' ? 'aarch64' : 'x86_64';
  const names = [
    'libopenblas.so.0',
    `/usr/lib/${arch}-linux-gnu/openblas-pthread/libopenblas.so.0`,
    'libopenblasp.so.0',
    'libopenblas.so',
    'libmkl_rt.so.2',
  ];
  const script = `const koffi = require(${JSON.stringify(koffi)});
    for (const name of ${JSON.stringify(names)}) { try { koffi.load(name).func('void dsyevd_()'); process.exit(0); } catch {} }
    process.exit(1);`;
  return spawnSync(process.execPath, ['-e', script], { stdio: 'ignore' }).status === 0;
}

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const hasChromium = () =>
  Boolean(process.env.CHROMIUM) ||
  CHROMIUM_NAMES.some(has) ||
  existsSync('/Applications/Google Chrome.app') ||
  existsSync('/Applications/Chromium.app');

const hasRedis = () => Boolean(process.env.REDIS_URL) || has('redis-server') || has('valkey-server');

/** Per package manager: how to refresh, how to install, and what the parts are called there. */
const MANAGERS = {
  'apt-get': {
    refresh: ['update', '-qq'],
    install: ['install', '-y', '-qq', '--no-install-recommends'],
    redis: 'redis-server',
    blas: 'libopenblas0-pthread',
    chromium: 'chromium',
  },
  dnf: { install: ['install', '-y', '-q'], redis: 'valkey', blas: 'openblas-threads', chromium: 'chromium' },
  apk: { install: ['add', '-q'], redis: 'redis', blas: 'openblas', chromium: 'chromium' },
  brew: { install: ['install', '-q'], redis: 'redis', blas: 'openblas', plain: true },
};

/** How this machine installs packages: undefined where no known manager is here, no command where only root may. */
function findManager() {
  const name = Object.keys(MANAGERS).find(has);
  if (!name) return undefined;
  const manager = MANAGERS[name];
  const prefix = manager.plain || os.userInfo().uid === 0 ? [] : has('sudo') ? ['sudo'] : undefined;
  const run = ([program, ...args]) =>
    spawnSync(program, args, { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
      .status === 0;
  const commandFor = (packages) => [name, ...manager.install, ...packages];
  const install = (packages) => {
    say(`installing ${packages.join(', ')} with ${name} …`);
    if (manager.refresh && !run([...prefix, name, ...manager.refresh]))
      say(`${name} ${manager.refresh[0]} failed; trying to install anyway.`);
    return run([...prefix, ...commandFor(packages)]);
  };
  return { manager, commandFor, install: prefix && install };
}

function installSystemParts() {
  const missing = [...(hasRedis() ? [] : ['redis']), ...(hasBlas() ? [] : ['blas'])];
  if (missing.length === 0) return;
  const needs = missing
    .map((part) => (part === 'redis' ? 'a Redis server (or REDIS_URL)' : 'OpenBLAS (or BLAS_LIBRARY)'))
    .join(' and ');
  const found = findManager();
  if (!found)
    fail(
      `${needs} missing, and none of ${Object.keys(MANAGERS).join(', ')} is here to install it. Please install it by hand.`,
    );
  const packages = missing.map((part) => found.manager[part]);
  const command = found.commandFor(packages).join(' ');
  if (!found.install) fail(`${needs} missing. As root, run: ${command}`);
  if (!found.install(packages)) fail(`Could not install ${packages.join(', ')}. Run by hand: ${command}`);
  if (!hasRedis() || !hasBlas()) fail(`${needs} still missing after ${command}.`);
}

/** For the tests of the dashboard, which say so and skip where it is missing. */
function installChromium() {
  if (hasChromium()) return;
  const found = findManager();
  const name = found?.manager.chromium;
  const installed = name && found.install?.([name]) && hasChromium();
  if (!installed)
    say('Chromium is missing and could not be installed; the tests of the dashboard are skipped. CHROMIUM names one.');
}

function build() {
  const compiler = path.join(root, 'node_modules', '.bin', 'tsc');
  if (!existsSync(compiler)) {
    if (!existsSync(path.join(root, 'dist', 'src', 'start.js')))
      fail('There is no build and no compiler; run npm ci with development packages.');
    return;
  }
  try {
    execFileSync(compiler, ['-p', path.join(root, 'tsconfig.json')], { cwd: root, stdio: ['ignore', 2, 2] });
    execFileSync(process.execPath, [path.join(root, 'scripts', 'bundle.mjs')], { stdio: ['ignore', 2, 2] });
  } catch {
    fail('The build failed; see above.');
  }
}

checkNode();
installPackages();
installSystemParts();
if (process.argv.includes('--tests')) installChromium();
build();
