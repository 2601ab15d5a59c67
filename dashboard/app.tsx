import { useEffect, useRef } from 'preact/hooks';
import { Redirect, Route, Router, Switch, useLocation } from 'wouter-preact';
import { CheckpointPage } from './checkpoints/checkpoint-page.js';
import { CheckpointsPage } from './checkpoints/checkpoints-page.js';
import { ErrorsPage } from './errors/errors-page.js';
import { useHashLocation, useHashSearch } from './hash-location.js';
import { JobPage } from './job/job-page.js';
import { JobsPage } from './jobs/jobs-page.js';
import { MergePage } from './merge/merge-page.js';
import { Bar } from './parts/bar.js';
import { KeyPrompt } from './parts/key-prompt.js';
import { NotFound } from './parts/not-found.js';
import { WorkersPage } from './workers/workers-page.js';

/** The whole page: the bar, and what the route names. */
export function App() {
  return (
    <Router hook={useHashLocation} searchHook={useHashSearch} hrefs={(path: string) => `#${path}`}>
      <button type="button" class="skip" onClick={() => document.querySelector('main')?.focus()}>
        Skip to content
      </button>
      <Bar />
      <Main />
      <KeyPrompt />
    </Router>
  );
}

function Main() {
  const [path] = useLocation();
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    // A new page is read from its start, by eye and by screen reader.
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <main ref={main} tabIndex={-1}>
      <Switch>
        <Route path="/">
          <Redirect to="/jobs" replace />
        </Route>
        <Route path="/jobs" component={JobsPage} />
        <Route path="/jobs/:id">{({ id }) => <JobPage id={id} key={id} />}</Route>
        <Route path="/checkpoints" component={CheckpointsPage} />
        <Route path="/checkpoints/:name">{({ name }) => <CheckpointPage name={name} key={name} />}</Route>
        <Route path="/new" component={MergePage} />
        <Route path="/workers" component={WorkersPage} />
        <Route path="/errors">
          <ErrorsPage />
        </Route>
        <Route path="/errors/:code">{({ code }) => <ErrorsPage code={code} />}</Route>
        <Route>
          <NotFound />
        </Route>
      </Switch>
    </main>
  );
}
