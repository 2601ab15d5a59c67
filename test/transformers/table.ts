/** What the checks found of one case: figures by column, and why it does not hold. */
export interface Found {
  name: string;
  figures: Record<string, number | string>;
  problems: string[];
}

/** Columns, and what their figures are. */
const COLUMNS = ['class', 'logits', 'hidden', 'loss', 'source'];

/** Print one line a case, with what is wrong below it, and a closing line. @returns how many do not hold */
export function printTable(found: readonly Found[]): number {
  const rows = found.map(({ name, figures, problems }) => ({
    cells: [name, ...COLUMNS.map((column) => cell(figures[column])), problems.length === 0 ? 'ok' : 'FAILED'],
    problems,
  }));
  const head = ['case', ...COLUMNS, ''];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(({ cells }) => cells[i].length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((text, i) => text.padEnd(widths[i]))
      .join('  ')
      .trimEnd();
  console.log(
    `Largest differences between the service and transformers (logits, hidden states, losses), and from the source:\n`,
  );
  console.log(line(head));
  for (const { cells, problems } of rows) {
    console.log(line(cells));
    for (const problem of problems) console.log(`    ${problem}`);
  }
  const failed = rows.filter(({ problems }) => problems.length > 0).length;
  console.log(`\n${rows.length - failed} of ${rows.length} cases hold.`);
  return failed;
}

function cell(figure: number | string | undefined): string {
  if (figure === undefined) return '–';
  return typeof figure === 'string' ? figure : figure.toExponential(0);
}
