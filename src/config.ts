import { availableParallelism } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { environmentKeys } from './access/environment-keys.js';
import { trustedProxies } from './access/trusted-proxies.js';
import { WeightfoldError } from './errors.js';
import { parseRedisUrl } from './queue/redis-url.js';
import { keepSecret, redact } from './redact.js';
import { DEFAULT_MAX_HEADER_BYTES, LARGEST_HEADER_BYTES } from './safetensors/header.js';
import { BACKENDS } from './schemas/common.js';
import { secretsOf } from './secret-settings.js';
import { parseS3Uri } from './store/s3-uri.js';
import { RETRY_SECONDS } from './webhooks/schedule.js';
import { webhookSecrets } from './webhooks/secrets.js';

const integer = (least: number, most: number) =>
  z.coerce.number('must be a number').int('must be a whole number').min(least).max(most);
const yesOrNo = z
  .enum(['true', 'false', '1', '0'])
  .default('false')
  .transform((text) => text === 'true' || text === '1');
const optionalText = z
  .string()
  .transform((text) => text.trim() || undefined)
  .optional();

/** An address without anything after the path, and no slash at its end. */
const url = (...schemes: string[]) =>
  z
    .string()
    .refine(
      (text) => {
        const parsed = URL.canParse(text) ? new URL(text) : undefined;
        return parsed !== undefined && schemes.includes(parsed.protocol.slice(0, -1)) && !/[?#@]/.test(text);
      },
      `must be a URL of ${schemes.join(' or ')}, without credentials`,
    )
    .transform((text) => text.replace(/\/+$/, ''));

/** Where OpenTelemetry's exporter sends to: it reads the variable itself, and says nothing where it cannot. */
const otlpEndpoint = optionalText.refine(
  (text) => text === undefined || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)),
  'must be a URL of http or https, e.g. http://collector:4318',
);

/** Every setting, from environment variables. README lists them with their defaults. */
export const EnvironmentSchema = z.object({
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: integer(0, 65535).default(8080),
  API_KEYS: environmentKeys,
  ALLOW_NO_KEYS: yesOrNo,
  TRUST_PROXY: trustedProxies,
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((origin) => origin.trim() || []))
    .refine(
      (list) => list.every((origin) => origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)),
      'must be origins such as https://lab.example, separated by ",", or *',
    ),
  OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: otlpEndpoint,
  METRICS_OPEN: yesOrNo,
  METRICS_PORT: integer(1, 65535).optional(),
  METRICS_HOST: z.string().min(1).default('127.0.0.1'),
  RATE_LIMIT_PER_MINUTE: integer(0, 1_000_000_000).default(120_000),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .transform((folder) => path.resolve(folder)),
  REDIS_URL: optionalText.superRefine((url, context) => {
    if (url === undefined) return;
    try {
      parseRedisUrl(url);
    } catch (error) {
      context.addIssue((error as Error).message);
    }
  }),
  SOURCE_ROOTS: z
    .string()
    .default('')
    .transform((list) => list.split(':').filter((folder) => folder !== ''))
    .refine((list) => list.every((folder) => path.isAbsolute(folder)), 'must be absolute folders, separated by ":"'),
  ALLOW_PRIVATE_SOURCES: yesOrNo,
  HF_ENDPOINT: url('http', 'https').default('https://huggingface.co'),
  HF_TOKEN: optionalText,
  S3_ENDPOINT: url('http', 'https').optional(),
  STORE_URL: optionalText.refine(
    (text) => text === undefined || parseS3Uri(text) !== undefined || text.startsWith('file:///'),
    'must be s3://bucket/prefix or file:///folder',
  ),
  SCRATCH_DIR: optionalText.transform((folder) => folder && path.resolve(folder)),
  AWS_REGION: z.string().min(1).default('us-east-1'),
  S3_SOURCES: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((root) => root.trim() || []))
    .refine((list) => list.every((root) => root.startsWith('s3://')), 'must be s3://bucket/prefix, separated by ","'),
  SOURCE_CACHE_BYTES: integer(0, Number.MAX_SAFE_INTEGER).default(200e9),
  WORKER_CONCURRENCY: integer(1, 64).default(1),
  COMPUTE_BACKEND: z.enum(BACKENDS).default('auto'),
  COMPUTE_DEVICE: integer(0, 63).default(0),
  COMPUTE_TF32: z
    .enum(['on', 'off'])
    .default('off')
    .transform((text) => text === 'on'),
  COMPUTE_THREADS: integer(1, 1024).default(availableParallelism()),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  BODY_LIMIT_BYTES: integer(1024, 64 * 1024 * 1024).default(1024 * 1024),
  MAX_UPLOAD_BYTES: integer(1, Number.MAX_SAFE_INTEGER).default(200e9),
  UPLOAD_EXPIRY_HOURS: z.coerce
    .number()
    .positive()
    .max(1_000_000)
    .default(7 * 24),
  MAX_HEADER_BYTES: integer(1024, LARGEST_HEADER_BYTES).default(DEFAULT_MAX_HEADER_BYTES),
  MAX_QUEUED_JOBS: integer(1, 10_000_000).default(100_000),
  MIN_FREE_BYTES: integer(0, Number.MAX_SAFE_INTEGER).default(256 * 1024 * 1024),
  WORKER_MEMORY_BYTES: integer(1, Number.MAX_SAFE_INTEGER).optional(),
  RETENTION_HOURS: z.coerce.number().positive().max(1_000_000).optional(),
  WEBHOOK_SECRET: webhookSecrets,
  WEBHOOK_RETRY_SECONDS: z
    .string()
    .default(RETRY_SECONDS.join(','))
    .transform((list) => list.split(',').map((seconds) => Number(seconds.trim() || Number.NaN)))
    .refine(
      (list) => list.every((seconds) => seconds >= 0 && seconds <= 7 * 86_400),
      'must be seconds, separated by ","',
    ),
  ALLOW_PRIVATE_WEBHOOKS: yesOrNo,
  SHUTDOWN_SECONDS: integer(0, 3600).default(20),
});

/** Settings that need one another. */
const ConsistentSchema = EnvironmentSchema.refine(
  ({ SCRATCH_DIR, STORE_URL }) => SCRATCH_DIR === undefined || STORE_URL !== undefined,
  { path: ['SCRATCH_DIR'], error: "needs STORE_URL, through which workers hand each other a merge's files" },
);

/** Their values stay out of messages, as do addresses with a user or password. */
const SECRETS = new Set(['API_KEYS', 'HF_TOKEN', 'REDIS_URL', 'WEBHOOK_SECRET']);
const shown = (name: string, value: string) =>
  SECRETS.has(name) || /:\/\/.*@/s.test(value) ? '…' : JSON.stringify(value);

export type Config = z.output<typeof EnvironmentSchema>;

/**
 * Settings of this process.
 * @throws WeightfoldError `config_invalid`, naming each variable that is wrong
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  keepSecret(secretsOf(environment));
  const given = Object.fromEntries(
    Object.keys(EnvironmentSchema.shape).flatMap((name) => {
      const value = environment[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const parsed = ConsistentSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(
    ({ path: [name], message }) => `${String(name)}=${shown(String(name), given[String(name)] ?? '')}: ${message}`,
  );
  throw new WeightfoldError(`Wrong settings in the environment. ${redact(lines.join('; '))}`, {
    code: 'config_invalid',
    status: 500,
  });
}
