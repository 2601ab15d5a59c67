import { useLocation } from 'wouter-preact';
import { count } from '../../src/format/numbers.js';
import { urlOf } from '../api/base-url.js';
import { KeyButton } from './key-prompt.js';
import { useTheme } from './theme.js';
import { useReadiness } from './use-readiness.js';

const PAGES = [
  { path: '/jobs', title: 'Jobs' },
  { path: '/new', title: 'New merge' },
  { path: '/checkpoints', title: 'Checkpoints' },
  { path: '/workers', title: 'Workers' },
] as const;

export function Bar() {
  const [path] = useLocation();
  return (
    <header class="bar">
      <a class="brand" href="#/jobs">
        <img src="./icon.svg" alt="" />
        weightfold
      </a>
      <nav aria-label="Pages">
        <ul>
          {PAGES.map((page) => (
            <li key={page.path}>
              <a href={`#${page.path}`} aria-current={path.startsWith(page.path) ? 'page' : undefined}>
                {page.title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="bar-end">
        <Depth />
        <KeyButton />
        <a href={urlOf('/docs')}>API</a>
        <ThemeButton />
      </div>
    </header>
  );
}

/** How busy the service is, or that it cannot take jobs. */
function Depth() {
  const { data, error } = useReadiness();
  if (error) return <span class="tag warn">service not reachable</span>;
  if (!data) return null;
  if (data.status !== 'ready') return <span class="tag warn">cannot take jobs</span>;
  const { waiting = 0, active = 0 } = data.queue ?? {};
  return (
    <a class="depth quiet small" href="#/workers">
      {data.workers === 0 ? (
        <span class="warn-text">no worker</span>
      ) : (
        <>
          <span class="wide-only">steps: </span>
          {count(active)} running, {count(waiting)} waiting
        </>
      )}
    </a>
  );
}

const SIGNS = { system: '◐', light: '☀', dark: '☾' } as const;

function ThemeButton() {
  const { theme, next } = useTheme();
  return (
    <button type="button" class="plain" onClick={next} title={`Colours: ${theme}`}>
      <span aria-hidden="true">{SIGNS[theme]}</span>
      <span class="visually-hidden">Colours: {theme}. Change</span>
    </button>
  );
}
