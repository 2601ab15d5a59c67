import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { type Config, EnvironmentSchema, loadConfig } from '../../src/config.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

/** Cells of the table rows of a page that begin with code. */
const rowsOf = (page: string) =>
  read(page)
    .split('\n')
    .filter((line) => /^\|\s*`/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()));
const namesIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);

describe('docs/errors.md', () => {
  /** Codes where they are raised: by an error's options or constructor, or beside the status they go with. */
  const RAISED =
    /(?:\bcode: |new (?:Spec|Data|NotFound|Conflict)Error\(\s*|\b[45]\d\d(?:,|:)\s*)'([a-z0-9_]+)'|'([a-z0-9_]+)',\s*[45]\d\d\b/g;
  /** zod's for a refinement of ours; and of a job that was cancelled, which has no error. */
  const NOT_SHOWN = ['custom', 'cancelled'];
  const documented = rowsOf('docs/errors.md').flatMap(([, codes]) => namesIn(codes));
  const sources = ['src', 'workers'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(path.join(folder, file))),
  );

  it('lists every code that the sources raise', () => {
    const raised = sources.flatMap((text) => [...text.matchAll(RAISED)].map(([, one, other]) => one ?? other));
    expect(raised.length).toBeGreaterThan(100);
    expect(raised.filter((code) => !documented.includes(code) && !NOT_SHOWN.includes(code))).toEqual([]);
  });

  it('lists no other, and none twice', () => {
    const all = sources.join('\n');
    // `probe_` and `calibration_` are put before what is wrong with them.
    const known = (code: string) => all.includes(`'${code.replace(/^(?:probe|calibration)_/, '')}'`);
    expect(documented.filter((code) => !known(code) && !all.includes(`'${code}'`))).toEqual([]);
    expect(documented.filter((code, i) => documented.indexOf(code) !== i)).toEqual([]);
  });
});

describe('the settings of README.md', () => {
  /** Read before a worker's libraries are loaded. */
  const ELSEWHERE = ['CUDA_LIBRARIES', 'BLAS_LIBRARY'];
  const rows = rowsOf('README.md').flatMap(([, names, values]) =>
    namesIn(names).map((name, i) => ({ name, unset: values.startsWith('unset'), value: namesIn(values)[i] })),
  );

  it('are all there are', () => {
    const names = rows.map(({ name }) => name);
    expect(names.toSorted()).toEqual([...Object.keys(EnvironmentSchema.shape), ...ELSEWHERE].toSorted());
  });

  it.each(rows.filter(({ name }) => !ELSEWHERE.includes(name)))('$name has the default $value', (row) => {
    const { name, unset, value } = row as { name: keyof Config; unset: boolean; value?: string };
    const standard = loadConfig({})[name];
    if (unset) expect(standard ?? []).toEqual([]);
    else if (value === undefined)
      expect(name).toBe('COMPUTE_THREADS'); // those of the machine
    else if (value.endsWith('…')) expect(String(standard).startsWith(value.slice(0, -1))).toBe(true);
    else expect(standard).toEqual(loadConfig({ [name]: value })[name]);
  });
});

describe('openapi.yaml states what requests are held to', () => {
  interface Parameter {
    name: string;
    required?: boolean;
    schema: Record<string, unknown>;
  }
  type Operation = { parameters: Parameter[]; responses: Record<string, { content: Record<string, unknown> }> };
  const { paths } = parseYaml(read('openapi.yaml')) as { paths: Record<string, Record<string, Operation>> };
  const parameter = (path: string, method: string, name: string) =>
    paths[path][method].parameters.find((one) => one.name === name);

  it('the largest event that may be asked for', () => {
    const bound = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER, format: 'int64' };
    expect(parameter('/v1/jobs/{id}/events', 'get', 'after')?.schema).toMatchObject(bound);
  });

  it('the one version of tus', () => {
    for (const [path, method] of [
      ['/v1/uploads', 'post'],
      ['/v1/uploads/{id}', 'head'],
      ['/v1/uploads/{id}', 'patch'],
      ['/v1/uploads/{id}', 'delete'],
    ])
      expect(parameter(path, method, 'tus-resumable')).toMatchObject({ required: true, schema: { const: '1.0.0' } });
  });

  it('every type that files of results are sent with', () => {
    const types = ['octet-stream', 'json'].map((type) => `application/${type}`);
    const texts = ['csv', 'html', 'markdown', 'plain'].map((type) => `text/${type}`);
    for (const status of ['200', '206']) {
      const { content } = paths['/v1/jobs/{id}/artifacts/{file}'].get.responses[status];
      expect(Object.keys(content).sort()).toEqual([...types, ...texts].sort());
    }
  });
});
