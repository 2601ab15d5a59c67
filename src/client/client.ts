import createFetchClient, { type Client as FetchClient } from 'openapi-fetch';
import type { paths } from './api.js';

export interface ClientOptions {
  /** Where the service is, e.g. `http://127.0.0.1:8080`; '' in a page that the service serves. */
  baseUrl: string;
  /** Sent as `Authorization: Bearer …`. A function is asked at each request: the key may be entered late. */
  apiKey?: string | (() => string | undefined);
  /** In place of the platform's fetch. */
  fetch?: typeof globalThis.fetch;
}

/** Every operation of openapi.yaml by method and path, e.g. `client.GET('/v1/jobs/{id}', { params: { path: { id } } })`. */
export type Client = FetchClient<paths>;

/** `Authorization` of a request; empty where there is no key. */
export function authorization({ apiKey }: Pick<ClientOptions, 'apiKey'>): Record<string, string> {
  const key = typeof apiKey === 'function' ? apiKey() : apiKey;
  return key ? { authorization: `Bearer ${key}` } : {};
}

/**
 * A client typed by the contract, for browsers and Node. Replies come as `{ data }` or `{ error }`, an error being the
 * service's problem details; only a service that cannot be reached makes the promise reject.
 */
export function createClient(options: ClientOptions): Client {
  const client = createFetchClient<paths>({
    baseUrl: options.baseUrl.replace(/\/+$/, ''),
    ...(options.fetch ? { fetch: options.fetch } : {}),
    // Labels are an exploded object: `label.team=pretraining`.
    querySerializer: { object: { style: 'form', explode: true } },
  });
  client.use({
    onRequest: ({ request }) => {
      for (const [name, value] of Object.entries(authorization(options))) request.headers.set(name, value);
      return request;
    },
  });
  return client;
}
