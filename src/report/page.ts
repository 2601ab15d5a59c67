/** Text as HTML. */
export const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Colours by role; the plots name them as `var(--…)`, so that one drawing serves light and dark. */
const STYLE = `
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --quiet: #59636e; --rule: #d8dee4; --band: #f3f5f7;
  --c0: #0b62c4; --c1: #c2410c; --c2: #15803d; --c3: #7e22ce; --c4: #a16207; --c5: #0e7490; --c6: #be185d; --c7: #4d5c0a; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171b; --ink: #e6e9ed; --quiet: #9aa5b1; --rule: #343b44; --band: #1d2228;
  --c0: #6cb2ff; --c1: #ff9a62; --c2: #5fd38d; --c3: #cf9bff; --c4: #e6c04f; --c5: #55cfe3; --c6: #ff86b8; --c7: #bdd35c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.25rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.125rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; max-width: 46rem; }
.quiet { color: var(--quiet); font-size: .875rem; }
figure { margin: .75rem 0; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .875rem; margin-top: .25rem; }
figure .narrow { display: none; }
@media (max-width: 40rem) { figure .wide { display: none; } figure .narrow { display: block; } }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; min-width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; vertical-align: bottom; white-space: normal; }
th.left, td.left { text-align: left; }
th:first-child, td:first-child { text-align: left; padding-left: .3rem; white-space: normal; min-width: 9.5rem; }
@media (min-width: 40rem) { td:first-child { white-space: nowrap; } }
.scroll tr > :first-child { position: sticky; left: 0; background: var(--paper); }
tr.baseline td, .scroll tr.baseline > :first-child { background: var(--band); }
tr.best td { font-weight: 600; }
.key, .dash { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .45rem; }
.dash { width: 1.5rem; height: 0; border-radius: 0; border-top: 2px dashed; vertical-align: middle; }
pre { overflow-x: auto; padding: .75rem; background: var(--band); border-radius: .25rem; font-size: .8125rem; line-height: 1.4; }
code { font-size: .8125rem; }
.statement { padding: .75rem 1rem; background: var(--band); border-left: 4px solid var(--c0); max-width: none; }
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0; }
.figures div { display: flex; flex-direction: column; } .figures b { font-size: 1.375rem; font-variant-numeric: tabular-nums; }
.figures span { color: var(--quiet); font-size: .875rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 0 2rem; }
.pair section { display: flex; flex-direction: column; min-width: 0; } .pair figure { margin-top: auto; }
.reasons { list-style: none; margin: .75rem 0; padding: 0; font-size: .875rem; } .reasons li { margin: .25rem 0; max-width: 60rem; }
.exact { color: var(--c2); } .selection { color: var(--c0); } .approximate { color: var(--c1); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0 1.5rem; } .facts dt { margin: 0; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } figure, tr, .statement { break-inside: avoid; } h2 { break-after: avoid; }
  .scroll { overflow: visible; } td, th { white-space: normal; } pre { white-space: pre-wrap; } }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0; max-width: 46rem; }
`;

/** A page of its own: no script, no request to anywhere. `body` is HTML. */
export const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;

export interface Column<Row> {
  title: string;
  /** Words, not figures: they begin where the title does. */
  text?: boolean;
  cell: (row: Row) => string;
}

/** A table that scrolls by itself where the page is narrow. Cells are HTML. */
export function htmlTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  classOf: (row: Row) => string = () => '',
): string {
  const left = ({ text }: Column<Row>) => (text ? ' class="left"' : '');
  const head = columns.map((column) => `<th scope="col"${left(column)}>${escapeHtml(column.title)}</th>`).join('');
  const body = rows.map((row) => {
    const cells = columns.map((column) => `<td${left(column)}>${column.cell(row)}</td>`).join('');
    const kind = classOf(row);
    return `<tr${kind && ` class="${kind}"`}>${cells}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`;
}
