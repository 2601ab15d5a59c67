// What the service makes of models, loaded and run by the transformers library: see docs/transformers.md.
//   npm run test:transformers -- [--keep] [--python PROGRAM] [--counts FILE] [PART OF A CASE'S NAME …]
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CASES, type Case, probesOf } from './cases.js';
import { findPython, runPython } from './python.js';
import { type Made, makeResults } from './results.js';
import { writeStates } from './states.js';
import { type Found, printTable } from './table.js';

const { values: options, positionals: wanted } = parseArgs({
  options: {
    /** Leave models and results where they are. */
    keep: { type: 'boolean' },
    /** An interpreter that has the packages, instead of an environment made here. */
    python: { type: 'string' },
    /** File for {"passed", "failed", "skipped"}. */
    counts: { type: 'string' },
  },
  allowPositionals: true,
});

/** Cases as check_results.py reads them. */
async function describe(made: readonly Made[], models: string, work: string) {
  const entries = [];
  for (const { subject, folder, metrics } of made) {
    const probes = probesOf(subject).map((probe) => ({
      ...probe,
      tokens: path.join(models, probe.checkpoint, probe.file),
    }));
    const states = path.join(work, 'states', `${subject.name}.safetensors`);
    await writeStates(folder, probes[0].tokens, probes[0], states);
    const sources = subject.sources.map((name) => path.join(models, name));
    const weights = subject.spec.source_weights ?? sources.map(() => 1 / sources.length);
    entries.push({ ...subject, sources, weights, result: folder, states, metrics, probes });
  }
  return entries;
}

async function check(python: string, cases: readonly Case[], work: string): Promise<Found[]> {
  // What the service knows of config keys is this version's.
  runPython(python, '../../scripts/config-keys.py', '--check');
  const models = path.join(work, 'models');
  runPython(python, 'make_models.py', models);
  for (const folder of ['results', 'states']) await mkdir(path.join(work, folder));
  const { made, failed } = await makeResults(cases, models, path.join(work, 'results'));
  const [asked, answered] = [path.join(work, 'cases.json'), path.join(work, 'found.json')];
  await writeFile(asked, JSON.stringify(await describe(made, models, work)));
  runPython(python, 'check_results.py', asked, answered);
  return [...(JSON.parse(await readFile(answered, 'utf8')) as Found[]), ...failed];
}

const cases = CASES.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const environment = options.python ? { python: options.python } : await findPython();
const counts = { passed: 0, failed: 0, skipped: 0 };
if ('missing' in environment) {
  console.log(`Skipped: ${environment.missing}.`);
  counts.skipped = cases.length;
} else {
  const work = await mkdtemp(path.join(os.tmpdir(), 'weightfold-transformers-'));
  try {
    const found = await check(environment.python, cases, work);
    counts.failed = printTable(found);
    counts.passed = found.length - counts.failed;
  } finally {
    if (options.keep) console.log(`Models and results are in ${work}.`);
    else await rm(work, { recursive: true, force: true });
  }
}
if (options.counts) await writeFile(options.counts, JSON.stringify(counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
