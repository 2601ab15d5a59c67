import { parseArgs } from 'node:util';
import { keyName, scopeName } from '../access/api-key.js';
import { KeyStore } from '../access/key-store.js';
import { keysCommand } from '../access/keys-command.js';
import { SCOPES } from '../access/scopes.js';
import { loadConfig } from '../config.js';
import { endWithReader } from '../end-with-reader.js';
import { WeightfoldError } from '../errors.js';

const USAGE = `Usage: ${keysCommand()} COMMAND

  create --name NAME --scope ${SCOPES.join('|')} [--if-none]
      make a key and print it, this once; --if-none: only where there is no key yet
  list
      names, scopes and dates of all keys
  revoke ID_OR_NAME
      refuse a key from now on

Keys are kept, hashed, in DATA_DIR; a running service takes changes within a second.
`;

class UsageError extends Error {}

const out = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const note = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

async function create(keys: KeyStore, name?: string, scope?: string, ifNone = false): Promise<void> {
  const given = keyName.safeParse(name);
  if (!given.success) throw new UsageError(`--name ${given.error.issues[0].message}`);
  const wanted = scopeName.safeParse(scope);
  if (!wanted.success) throw new UsageError(`--scope must be one of ${SCOPES.join(', ')}`);
  if (ifNone && (await keys.exist())) return note('There are keys already; none was made.');
  const { text, key } = await keys.create(given.data, wanted.data);
  note(`Key "${key.name}" (${key.id}, scope ${key.scope}). Shown this once; send it as "Authorization: Bearer KEY":`);
  out(text);
}

async function list(keys: KeyStore): Promise<void> {
  const rows = (await keys.list()).map(({ id, name, scope, starts_with, created_at, revoked_at }) => [
    id,
    name,
    scope,
    `${starts_with}…`,
    created_at || 'from API_KEYS',
    revoked_at ?? '',
  ]);
  const table = [['id', 'name', 'scope', 'key', 'created', 'revoked'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table)
    out(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      scope: { type: 'string' },
      'if-none': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [command, subject, ...rest] = positionals;
  if (values.help) return out(USAGE);
  const config = loadConfig();
  const keys = new KeyStore(config.DATA_DIR, config.API_KEYS);
  if (rest.length > 0) throw new UsageError(`unexpected "${rest[0]}"`);
  if (command === 'create' && subject === undefined) return create(keys, values.name, values.scope, values['if-none']);
  if (command === 'list' && subject === undefined) return list(keys);
  if (command === 'revoke' && subject !== undefined) {
    const { id, name } = await keys.revoke(subject);
    return note(`Key "${name}" (${id}) is revoked.`);
  }
  throw new UsageError(command === undefined ? 'a command is missing' : `"${positionals.join(' ')}" is no command`);
}

endWithReader();
try {
  await main();
} catch (error) {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const usage = error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS');
  const expected = usage || error instanceof WeightfoldError;
  note(`keys: ${expected ? (error as Error).message : (error as Error).stack}`);
  if (usage) note(`\n${USAGE}`);
  process.exitCode = usage ? 2 : 1;
}
