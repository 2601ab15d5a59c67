import { readFileSync } from 'node:fs';

/** The package's version, found from both the sources and the build. */
export const VERSION: string = (() => {
  for (const up of ['../package.json', '../../package.json'])
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      // one level further up in the build
    }
  return 'unknown';
})();
