/** Bytes of a file with the given header text, however wrong it is, and that many zero bytes of data. */
export function rawFile(header: string | Uint8Array, dataBytes = 0, claimed?: bigint): Buffer {
  const json = typeof header === 'string' ? Buffer.from(header, 'utf8') : Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(claimed ?? BigInt(json.length));
  return Buffer.concat([prefix, json, Buffer.alloc(dataBytes)]);
}

/** JSON text of one tensor's description. */
export const tensorJson = (dtype: string, shape: unknown, begin: number, end: number) =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
