import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';

type Made = { python: string } | { missing: string };
const script = new URL('../../scripts/python-environment.mjs', import.meta.url).href;
const { pythonEnvironment } = (await import(script)) as {
  pythonEnvironment: (name: string, requirements: string, least?: number[]) => Made;
};

afterEach(() => vi.unstubAllEnvs());

describe('a Python environment that cannot be had says why', () => {
  it('where there is no Python', () => {
    vi.stubEnv('PYTHON', 'no-such-python');
    expect(pythonEnvironment('none', 'requirements.txt')).toEqual({
      missing: 'there is no no-such-python; the variable PYTHON names another',
    });
  });

  it('where what should be Python is another program, or too old', async () => {
    vi.stubEnv('PYTHON', 'false');
    expect(pythonEnvironment('none', 'requirements.txt')).toEqual({
      missing: expect.stringContaining('false does not run'),
    });
    const folder = await mkdtemp(path.join(os.tmpdir(), 'wf-python-'));
    try {
      const old = path.join(folder, 'python');
      await writeFile(old, '#!/bin/sh\necho 3 7 2 /usr/bin/python3.7\n', { mode: 0o755 });
      vi.stubEnv('PYTHON', old);
      expect(pythonEnvironment('none', 'requirements.txt', [3, 11])).toEqual({
        missing: `${old} is Python 3.7.2; 3.11 or newer is needed, and the variable PYTHON can name it`,
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
