import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { dataOf, type Job, type paths } from '../client/index.js';
import { endWithReader } from '../end-with-reader.js';
import { inLines, inOneLine } from '../schemas/printable.js';
import { VERSION } from '../version.js';
import { age, bytes, columns } from './format.js';
import { readSpec } from './read-spec.js';
import {
  EXIT,
  type GlobalOptions,
  note,
  openSession,
  print,
  printJson,
  printLines,
  report,
  type Session,
} from './session.js';
import { showArtifacts, showJob, showMetrics } from './show-job.js';
import { showPlan } from './show-plan.js';
import { exitCodeOf, getJob, showEnd, watchJob } from './watch.js';

const EXIT_CODES = `
Exit codes: 0 done; 1 the job failed or was cancelled; 2 wrong arguments, or a request that is refused as it is
(a bad spec, no such job); 3 the service cannot be reached, refuses the key, or is busy.`;

endWithReader();

const program = new Command('weightfold')
  .description('Merge trained models into one of a chosen width: a client of the weightfold service.')
  .version(VERSION)
  .addOption(new Option('--url <url>', 'where the service is').env('WEIGHTFOLD_URL').default('http://127.0.0.1:8080'))
  .addOption(
    new Option('--api-key <key>', 'better by the variable: arguments are seen by all on a machine').env(
      'WEIGHTFOLD_API_KEY',
    ),
  )
  .option('--json', 'print what the service answered, as JSON')
  .addHelpText('after', EXIT_CODES)
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({ writeErr: (text) => process.stderr.write(inLines(text)) })
  .exitOverride();

/** What a command does once it has a session; the exit code, 0 where it says none. */
type Action = (session: Session, args: string[], options: Record<string, unknown>) => Promise<number | undefined>;

function command(usage: string, description: string, action: Action): Command {
  return program
    .command(usage)
    .description(description)
    .action(async (...given: unknown[]) => {
      const self = given.at(-1) as Command;
      const globals = self.optsWithGlobals() as GlobalOptions;
      try {
        const session = openSession(globals);
        process.exitCode = (await action(session, self.processedArgs.flat() as string[], self.opts())) ?? EXIT.ok;
      } catch (error) {
        process.exitCode = report(error, globals.url);
      }
    });
}

const STATUSES: Job['status'][] = ['queued', 'running', 'succeeded', 'failed', 'cancelled'];

const byId = (id: string) => ({ params: { path: { id } } });

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('must be a whole number.');
  return value;
}

command(
  'submit <spec>',
  'submit a merge; SPEC is a JSON file, or - for standard input',
  async (session, [file], options) => {
    const body = await readSpec(file);
    const key = options.idempotencyKey as string | undefined;
    const job = await dataOf(
      session.client.POST('/v1/jobs', { body, params: { header: key ? { 'idempotency-key': key } : {} } }),
    );
    if (!options.wait && !options.watch) {
      if (session.json) printJson(job);
      else print(job.id);
      return EXIT.ok;
    }
    if (!session.json) note(`${job.id} submitted`);
    return showEnd(await watchJob(session, job.id, { quiet: !options.watch }), session);
  },
)
  .option('-w, --wait', 'wait for its end, in silence')
  .option('--watch', 'wait for its end and show progress')
  .option('--idempotency-key <key>', 'the same key with the same spec gives the same job');

command('watch <id>', 'follow a job to its end (--json: its events, one a line)', async (session, [id]) => {
  await getJob(session, id); // a wrong id is refused at once
  const onEvent = session.json ? (event: unknown) => print(JSON.stringify(event)) : undefined;
  const job = await watchJob(session, id, { onEvent });
  return session.json ? exitCodeOf(job) : showEnd(job, session);
});

command('plan <spec>', 'what a merge would do and cost, without doing it', async (session, [file]) => {
  const plan = await dataOf(session.client.POST('/v1/jobs/plan', { body: await readSpec(file) }));
  if (session.json) printJson(plan);
  else printLines(showPlan(plan));
  return EXIT.ok;
});

command('get <id>', 'how a job stands, and its results', async (session, [id], options) => {
  const { client, json } = session;
  if (options.metrics) {
    const metrics = await dataOf(client.GET('/v1/jobs/{id}/metrics', byId(id)));
    if (json || typeof metrics === 'string') printJson(metrics);
    else printLines(showMetrics(metrics));
  }
  if (options.artifacts || options.download) {
    const list = await dataOf(client.GET('/v1/jobs/{id}/artifacts', byId(id)));
    const { download } = await import('./download.js');
    if (options.download) await download(session, id, list.data, options.download as string);
    if (options.artifacts && json) printJson(list);
    else if (options.artifacts) printLines(showArtifacts(list.data));
  }
  if (options.metrics || options.artifacts || options.download) return EXIT.ok;
  const job = await getJob(session, id);
  if (json) printJson(job);
  else printLines(showJob(job));
  return EXIT.ok;
})
  .option('--metrics', 'its errors')
  .option('--artifacts', 'its files')
  .option('--download <folder>', 'fetch its files, verified; what was begun before goes on');

command(
  'upload <checkpoint> <files...>',
  'upload files into a checkpoint; a cut upload goes on',
  async (session, [name, ...files]) => {
    const { uploadFiles } = await import('./upload.js');
    const stored = await uploadFiles(session, name, files);
    if (session.json) printJson(stored);
    else for (const { file, size } of stored) print(`${name}/${file}  ${bytes(size)}, SHA-256 verified`);
    return EXIT.ok;
  },
);

const showChanged = ({ json }: Session, job: Job) => (json ? printJson(job) : print(`${job.id} ${job.status}`));

command('cancel <id>', 'cancel a job', async (session, [id]) => {
  showChanged(session, await dataOf(session.client.POST('/v1/jobs/{id}/cancel', byId(id))));
  return EXIT.ok;
});

command('retry <id>', 'run a job that ended again, as a new one', async (session, [id]) => {
  showChanged(session, await dataOf(session.client.POST('/v1/jobs/{id}/retry', byId(id))));
  return EXIT.ok;
});

command(
  'rm <ids...>',
  'delete jobs that ended, with their files (--checkpoint: checkpoints)',
  async (session, names, options) => {
    for (const name of names) {
      await (options.checkpoint
        ? dataOf(session.client.DELETE('/v1/checkpoints/{name}', { params: { path: { name } } }))
        : dataOf(session.client.DELETE('/v1/jobs/{id}', byId(name))));
      if (!session.json) print(`${name} deleted`);
    }
    return EXIT.ok;
  },
).option('--checkpoint', 'the names are checkpoints’');

type ListQuery = NonNullable<paths['/v1/jobs']['get']['parameters']['query']>;

function label(text: string, labels: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be KEY=VALUE.');
  return { ...labels, [`label.${text.slice(0, at)}`]: text.slice(at + 1) };
}

command('ls', 'list jobs, the latest first', async (session, _args, options) => {
  const { label: labels, createdAfter: created_after, ...query } = options;
  const list = await dataOf(
    session.client.GET('/v1/jobs', { params: { query: { ...query, created_after, labels } as ListQuery } }),
  );
  if (session.json) printJson(list);
  else {
    const rows = list.data.map(({ id, status, progress, created_at, name }) => [
      id,
      status,
      status === 'running' ? `${progress.phase} ${Math.floor(progress.fraction * 100)} %` : '',
      age(created_at),
      name ?? '',
    ]);
    printLines(columns(['ID', 'STATUS', 'PROGRESS', 'AGE', 'NAME'], rows));
    if (list.has_more) note(`There are more: --after ${list.last_id}`);
  }
  return EXIT.ok;
})
  .addOption(new Option('--status <status>', 'only these').choices(STATUSES))
  .option('--label <key=value>', 'only those with this label; may be repeated', label)
  .option('--limit <n>', 'at most so many (default 20)', integer)
  .option('--after <id>', 'those that follow this one')
  .addOption(new Option('--order <order>', 'by creation').choices(['asc', 'desc']))
  .option('--created-after <time>', 'only later ones, RFC 3339');

command('checkpoints [name]', 'list the uploaded models, or show one', async (session, [name], { after }) => {
  const { client, json } = session;
  if (name === undefined) {
    const query = { limit: 1000, after: after as string | undefined };
    const list = await dataOf(client.GET('/v1/checkpoints', { params: { query } }));
    if (json) printJson(list);
    else {
      printLines(
        columns(
          ['NAME', 'FILES', 'SIZE', 'AGE'],
          list.data.map((row) => [row.name, String(row.file_count), bytes(row.size), age(row.created_at)]),
        ),
      );
      if (list.has_more) note(`There are more: --after ${list.last_id}`);
    }
    return EXIT.ok;
  }
  const checkpoint = await dataOf(client.GET('/v1/checkpoints/{name}', { params: { path: { name } } }));
  if (json) printJson(checkpoint);
  else {
    printLines(
      columns(
        ['FILE', 'SIZE', 'SHA-256'],
        checkpoint.files.map(({ file, size, sha256 }) => [file, bytes(size), sha256]),
      ),
    );
    const family = checkpoint.family === null ? 'unknown (no config.json that says)' : inOneLine(checkpoint.family);
    printLines(`\nfamily: ${family}\n`);
    printLines(
      columns(
        ['TENSOR', 'DTYPE', 'SHAPE'],
        checkpoint.tensors.map((tensor) => [tensor.name, tensor.dtype, tensor.shape.join('×')]),
      ),
    );
    for (const file of checkpoint.missing_files) note(`missing: ${file}`);
  }
  return EXIT.ok;
}).option('--after <name>', 'those that follow this one');

command('workers', 'the workers and what they do', async (session) => {
  const list = await dataOf(session.client.GET('/v1/workers'));
  if (session.json) printJson(list);
  else
    printLines(
      columns(
        ['NAME', 'STATE', 'BACKEND', 'LIBRARY', 'THREADS', 'UP', 'JOBS'],
        list.data.map((worker) => [
          worker.name,
          worker.state,
          worker.compute.backend,
          worker.compute.library,
          String(worker.compute.threads),
          age(worker.started_at),
          worker.jobs.join(' '),
        ]),
      ),
    );
  return EXIT.ok;
});

for (const each of program.commands) each.exitOverride();
try {
  await program.parseAsync();
} catch (error) {
  // Help and version end with 0; everything else commander refuses is a wrong argument, which it has explained.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
