import { KeyStore } from '../access/key-store.js';
import { requireKeys } from '../access/require-keys.js';
import type { Config } from '../config.js';
import { createLogger } from '../log.js';
import { checkRedis } from '../queue/check-redis.js';
import { EmbeddedRedis } from '../queue/embedded-redis.js';
import { openFolder } from '../store/data-folder.js';
import { buildApp } from './app.js';
import { createServices } from './services.js';

/** Requests under way when the service stops (downloads, uploads) have this long to end. */
const DRAIN_MS = 5_000;

/** A listening API with everything it owns. */
export interface RunningApi {
  url: string;
  close: () => Promise<void>;
}

/** Start the embedded Redis where no REDIS_URL is set, open the store, listen. */
export async function startApi(config: Config): Promise<RunningApi> {
  const log = createLogger(config, 'api');
  await openFolder('DATA_DIR', config.DATA_DIR);
  await requireKeys('HOST', config.HOST, config, new KeyStore(config.DATA_DIR, config.API_KEYS));
  const redis = config.REDIS_URL ? undefined : new EmbeddedRedis(config, log);
  if (redis) await redis.start();
  else await checkRedis(config, log);
  const services = await createServices(config, log);
  const app = await buildApp(services, log);
  try {
    const url = await app.listen({ host: config.HOST, port: config.PORT });
    return {
      url,
      close: async () => {
        const cut = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS);
        await app.close();
        clearTimeout(cut);
        await services.close();
        await redis?.stop();
      },
    };
  } catch (error) {
    await services.close();
    await redis?.stop();
    throw error;
  }
}
