import { createHash } from 'node:crypto';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointReader } from '../../src/checkpoints/reader.js';
import { encodeFloats, type FloatDtype } from '../../src/safetensors/dtype.js';
import { SafetensorsFile } from '../../src/safetensors/file.js';
import { writeSafetensors } from '../../src/safetensors/write-file.js';
import { encodeHeader, fileOrder, SafetensorsWriter } from '../../src/safetensors/writer.js';
import { makeCheckpoint } from '../support/checkpoint.js';
import { rawFile } from '../support/raw-safetensors.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();

describe('writer', () => {
  it('writes the golden bytes of the format', async () => {
    const file = path.join(root, 'golden.safetensors');
    const writer = await SafetensorsWriter.create(file, [{ name: 'a', dtype: 'F32', shape: [2] }], {});
    await writer.write(encodeFloats(Float32Array.of(1, -2), 'F32'));
    const written = await writer.finish();
    // 52 bytes of JSON are padded with spaces so that the data starts on a multiple of 8.
    const json = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.padEnd(56, ' ');
    const expected = Buffer.concat([rawFile(json), Buffer.from('0000803f000000c0', 'hex')]);
    const bytes = await readFile(file);
    expect(bytes.toString('hex')).toBe(expected.toString('hex'));
    expect(written).toEqual({ size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  });

  it('reads back what it wrote: any names, shapes, dtypes, chunk sizes', async () => {
    const tensor = fc.record({
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
      dtype: fc.constantFrom<FloatDtype>('F64', 'F32', 'F16', 'BF16'),
    });
    const names = fc.uniqueArray(
      fc.string({ unit: 'binary', maxLength: 12 }).filter((name) => name !== '__metadata__'),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(
        names,
        fc.array(tensor, { minLength: 6, maxLength: 6 }),
        fc.integer({ min: 1, max: 64 }),
        async (given, shapes, step) => {
          const file = path.join(subfolder(root), 'x.safetensors');
          const specs = given.map((name, i) => ({ name, ...shapes[i] }));
          const bytes = specs.map(({ shape, dtype }, t) =>
            encodeFloats(
              Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i - 3 * t),
              dtype,
            ),
          );
          const writer = await SafetensorsWriter.create(file, specs, { note: 'é"\\\n' });
          for (const data of bytes)
            for (let at = 0; at < data.length; at += step)
              await writer.write(data.subarray(at, Math.min(at + step, data.length)));
          await writer.finish();
          const opened = await SafetensorsFile.open(file);
          try {
            expect(opened.header.dataStart % 8).toBe(0);
            expect(opened.header.metadata.get('note')).toBe('é"\\\n');
            expect([...opened.header.tensors.keys()]).toEqual(given);
            for (const [t, { name, shape, dtype }] of specs.entries()) {
              expect(opened.tensor(name)).toMatchObject({ shape, dtype });
              expect(Buffer.from(await opened.bytes(opened.tensor(name))).equals(Buffer.from(bytes[t]))).toBe(true);
            }
          } finally {
            await opened.close();
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('leaves nothing when it is aborted, and keeps what was there', async () => {
    const folder = subfolder(root);
    const file = await makeCheckpoint(folder, [{ name: 'old', shape: [1], values: [7] }]);
    const before = await readFile(file);
    const writer = await SafetensorsWriter.create(file, [{ name: 'new', dtype: 'F32', shape: [4] }]);
    await writer.write(new Uint8Array(8));
    await writer.abort();
    await writer.abort();
    expect(await readdir(folder)).toEqual(['model.safetensors']);
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  it('shows nothing under the final name before it is finished', async () => {
    const folder = subfolder(root);
    const file = path.join(folder, 'm.safetensors');
    const writer = await SafetensorsWriter.create(file, [{ name: 'a', dtype: 'F32', shape: [1] }]);
    await writer.write(new Uint8Array(4));
    expect(await readdir(folder)).not.toContain('m.safetensors');
    await writer.finish();
    expect(await readdir(folder)).toEqual(['m.safetensors']);
  });

  it('leaves neither a file nor a descriptor where what is to be written fails', async () => {
    const folder = subfolder(root);
    const tensors = [{ name: 'a', dtype: 'F32' as const, shape: [2] }];
    const fail = async (writer: SafetensorsWriter) => {
      await writer.write(new Uint8Array(4));
      throw new Error('no more');
    };
    await expect(writeSafetensors(path.join(folder, 'm'), tensors, fail)).rejects.toThrow('no more');
    const half = (writer: SafetensorsWriter) => writer.write(new Uint8Array(4));
    await expect(writeSafetensors(path.join(folder, 'm'), tensors, half)).rejects.toThrow(/"a" misses 4 bytes/);
    expect(await readdir(folder)).toEqual([]);
    const open = (await readdir('/proc/self/fd').catch(() => [])).map((fd) => readlink(`/proc/self/fd/${fd}`));
    const targets = (await Promise.allSettled(open)).map((link) => `${link.status === 'fulfilled' ? link.value : ''}`);
    expect(targets.filter((target) => target.startsWith(folder))).toEqual([]);
  });

  it('refuses too many bytes, too few, and names that cannot be told apart', async () => {
    const folder = subfolder(root);
    const create = () => SafetensorsWriter.create(path.join(folder, 'm'), [{ name: 'a', dtype: 'F32', shape: [2] }]);
    const first = await create();
    await expect(first.write(new Uint8Array(9))).rejects.toThrow(/"a" got 1 bytes more/);
    await first.abort();
    const second = await create();
    await second.write(new Uint8Array(7));
    await expect(second.finish()).rejects.toThrow(/"a" misses 1 bytes/);
    await second.abort();
    const a = { name: 'a', dtype: 'F32' as const, shape: [1] };
    expect(() => encodeHeader([a, a])).toThrow(/cannot be written/);
    expect(() => encodeHeader([{ ...a, name: '__metadata__' }])).toThrow(/cannot be written/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('orders tensors as the reference implementation does: widest type first, then by name', () => {
    const t = (name: string, dtype: 'F64' | 'F32' | 'F16') => ({ name, dtype, shape: [1] });
    const order = fileOrder([t('b', 'F16'), t('c', 'F32'), t('a', 'F32'), t('z', 'F64')]).map(({ name }) => name);
    expect(order).toEqual(['z', 'a', 'c', 'b']);
  });
});

describe('slices', () => {
  const values = Array.from({ length: 24 }, (_, i) => i);

  it.each<FloatDtype>(['F64', 'F32', 'F16', 'BF16'])('rows and columns of a %s matrix', async (dtype) => {
    const file = await SafetensorsFile.open(
      await makeCheckpoint(subfolder(root), [{ name: 'w', shape: [4, 6], values, dtype }]),
    );
    const read = async (rows?: [number, number], columns?: [number, number]) => [
      ...(await file.floats('w', 'float64', { rows, columns })),
    ];
    expect(await read()).toEqual(values);
    expect(await read([1, 3])).toEqual(values.slice(6, 18));
    expect(await read(undefined, [4, 6])).toEqual([4, 5, 10, 11, 16, 17, 22, 23]);
    expect(await read([2, 3], [0, 2])).toEqual([12, 13]);
    expect(await read([2, 2])).toEqual([]);
    await file.close();
  });

  it('a slice of the real file is the slice of the whole, whatever the bounds', async () => {
    const file = await SafetensorsFile.open(
      await makeCheckpoint(subfolder(root), [{ name: 'w', shape: [4, 6], values, dtype: 'F16' }]),
    );
    const bounds = (n: number) =>
      fc.tuple(fc.nat(n), fc.nat(n)).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
    await fc.assert(
      fc.asyncProperty(bounds(4), bounds(6), async (rows, columns) => {
        const expected = values.filter((v) => {
          const [r, c] = [Math.floor(v / 6), v % 6];
          return r >= rows[0] && r < rows[1] && c >= columns[0] && c < columns[1];
        });
        expect([...(await file.floats('w', 'float32', { rows, columns }))]).toEqual(expected);
      }),
    );
    await file.close();
  });

  it('a file cut while it is open is an error, not zeros', async () => {
    const target = await makeCheckpoint(subfolder(root), [{ name: 'w', shape: [4, 6], values }]);
    const file = await SafetensorsFile.open(target);
    await writeFile(target, (await readFile(target)).subarray(0, -4));
    await expect(file.floats('w', 'float32')).rejects.toMatchObject({ code: 'file_truncated' });
    await file.close();
  });
});

describe('checkpoints of several files', () => {
  const index = (map: unknown) => JSON.stringify({ metadata: {}, weight_map: map });
  const shards = async (weightMap: unknown) => {
    const folder = subfolder(root);
    await makeCheckpoint(folder, [{ name: 'a', shape: [2], values: [1, 2] }], 's-1.safetensors');
    await makeCheckpoint(folder, [{ name: 'b', shape: [1], values: [3] }], 's-2.safetensors');
    const two = ['d', 'e'].map((name) => ({ name, shape: [1], values: [5] }));
    await makeCheckpoint(folder, two, 's-3.safetensors');
    await makeCheckpoint(folder, [{ name: 'c', shape: [1], values: [4] }], 'unnamed.safetensors');
    await writeFile(
      path.join(folder, 'model.safetensors.index.json'),
      typeof weightMap === 'string' ? weightMap : index(weightMap),
    );
    return folder;
  };

  it('an index says which files belong', async () => {
    const reader = await CheckpointReader.open(await shards({ a: 's-1.safetensors', b: 's-2.safetensors' }));
    expect([...reader.tensors.keys()].sort()).toEqual(['a', 'b']);
    expect([...(await reader.floats('a', 'float32'))]).toEqual([1, 2]);
    expect([...(await reader.floats('b', 'float64'))]).toEqual([3]);
    await expect(async () => reader.floats('c', 'float64')).rejects.toMatchObject({ code: 'tensor_missing' });
    await reader.close();
  });

  it.each([
    ['a missing shard', { a: 's-1.safetensors', z: 's-9.safetensors' }, 'shard_missing'],
    ['a path', { a: '../s-1.safetensors' }, 'index_invalid'],
    ['an absolute path', { a: '/etc/s-1.safetensors' }, 'index_invalid'],
    ['a pickle', { a: 'pytorch_model.bin' }, 'index_invalid'],
    ['a number', { a: 1 }, 'index_invalid'],
    ['a list', ['s-1.safetensors'], 'index_invalid'],
    ['no JSON', 'nonsense', 'index_invalid'],
    ['JSON null', 'null', 'index_invalid'],
    ['another place of a tensor', { a: 's-2.safetensors', b: 's-2.safetensors' }, 'index_mismatch'],
    ['a tensor no shard has', { a: 's-1.safetensors', b: 's-2.safetensors', c: 's-2.safetensors' }, 'index_mismatch'],
    ['too few tensors of a file', { d: 's-3.safetensors' }, 'index_mismatch'],
    [
      'thousands of files',
      Object.fromEntries(Array.from({ length: 4097 }, (_, i) => [`t${i}`, `s-${i}.safetensors`])),
      'index_invalid',
    ],
    ['nothing but brackets', '['.repeat(1_000_000), 'index_invalid'],
  ])('an index that names %s is refused', async (_, map, code) => {
    await expect(CheckpointReader.open(await shards(map))).rejects.toMatchObject({ code });
  });

  it('a contradiction names the tensor and both places', async () => {
    const message = async (map: unknown) =>
      CheckpointReader.open(await shards(map)).then(
        () => 'was read',
        (error: Error) => error.message,
      );
    expect(await message({ a: 's-2.safetensors', b: 's-2.safetensors', d: 's-1.safetensors' })).toMatch(
      /says that tensor "a" is in s-2.safetensors, but it is in s-1.safetensors/,
    );
    expect(await message({ b: 's-2.safetensors', x: 's-1.safetensors' })).toMatch(
      /says that tensor "x" is in s-1.safetensors, but neither that file nor any other shard has it/,
    );
    expect(await message({ d: 's-3.safetensors' })).toMatch(/s-3.safetensors holds tensor "e", which .* does not name/);
  });

  it('the single file counts before an index, as in the transformers library', async () => {
    const folder = await shards({ a: 's-1.safetensors' });
    await makeCheckpoint(folder, [{ name: 'one', shape: [1], values: [1] }]);
    const reader = await CheckpointReader.open(folder);
    expect([...reader.tensors.keys()]).toEqual(['one']);
    await reader.close();
  });

  it('numbered shards without an index are all there, or the missing one is named', async () => {
    const folder = subfolder(root);
    const shard = (name: string, file: string) => makeCheckpoint(folder, [{ name, shape: [1], values: [1] }], file);
    await shard('a', 'model-00001-of-00003.safetensors');
    await shard('b', 'model-00003-of-00003.safetensors');
    await expect(CheckpointReader.open(folder)).rejects.toMatchObject({
      code: 'shard_missing',
      message: expect.stringContaining('model-00002-of-00003.safetensors is missing'),
    });
    await shard('c', 'model-00002-of-00003.safetensors');
    await (await CheckpointReader.open(folder)).close();
    await shard('d', 'x-1-of-99999999999.safetensors');
    await expect(CheckpointReader.open(folder)).rejects.toMatchObject({ code: 'shard_missing' });
  });

  it.each([
    ['pytorch_model.bin', 'pickle_refused', /pytorch_model.bin.*pickle.*safetensors.torch/],
    ['model-Q4_K_M.gguf', 'checkpoint_empty', /model-Q4_K_M.gguf" is a GGUF file/],
    ['tf_model.h5', 'checkpoint_empty', /another framework/],
    ['model.safetensors.incomplete', 'checkpoint_empty', /a download that has not finished/],
  ])('a folder with %s instead of safetensors says so', async (file, code, words) => {
    const folder = subfolder(root);
    await writeFile(path.join(folder, file), 'x');
    await expect(CheckpointReader.open(folder)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });

  it('a tensor in two files is refused', async () => {
    const folder = subfolder(root);
    for (const file of ['x.safetensors', 'y.safetensors'])
      await makeCheckpoint(folder, [{ name: 'a', shape: [1], values: [1] }], file);
    await expect(CheckpointReader.open(folder)).rejects.toMatchObject({ code: 'tensor_duplicate' });
  });

  it('a folder without safetensors is refused', async () => {
    await expect(CheckpointReader.open(subfolder(root))).rejects.toMatchObject({ code: 'checkpoint_empty' });
  });
});
