import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { count } from '../../src/format/numbers.js';

export interface Column<Row> {
  key: string;
  title: string;
  /** Explains the title on hover. */
  hint?: string;
  cell: (row: Row) => ComponentChildren;
  /** What the column sorts by; without it the column does not sort. Null sorts last. */
  by?: (row: Row) => number | string | null;
  number?: boolean;
}

interface Table<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row, n: number) => string;
  /** Text a row is found by; without it the table has no filter. */
  text?: (row: Row) => string;
  classOf?: (row: Row) => string;
}

/** Rows drawn at once; more are there after a click or a narrower filter. */
const SHOWN = 100;
/** Fewer rows need no filter. */
const FILTER_FROM = 6;

/** A table sorted by a click on a column, filtered by text; scrolls sideways by itself where it is too wide. */
export function SortableTable<Row>({ label, columns, rows, rowKey, text, classOf }: Table<Row>) {
  const [sort, setSort] = useState<{ key: string; down: boolean } | null>(null);
  const [filter, setFilter] = useState('');
  const [all, setAll] = useState(false);
  const found = useMemo(() => {
    const wanted = filter.trim().toLowerCase();
    const kept = wanted && text ? rows.filter((row) => text(row).toLowerCase().includes(wanted)) : [...rows];
    const by = columns.find(({ key }) => key === sort?.key)?.by;
    return by && sort ? kept.sort((a, b) => compare(by(a), by(b), sort.down)) : kept;
  }, [rows, columns, filter, sort]);
  const shown = all ? found : found.slice(0, SHOWN);
  const turn = (key: string, number: boolean) =>
    // Numbers start with the largest: it is what one looks for.
    setSort((old) =>
      old?.key === key ? (old.down === number ? { key, down: !number } : null) : { key, down: number },
    );
  return (
    <>
      {text && rows.length >= FILTER_FROM && (
        <div class="row table-filter">
          <label class="row">
            <span class="visually-hidden">Filter {label}</span>
            <input
              type="search"
              placeholder="Filter by name"
              value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
          </label>
          <span class="quiet small" role="status">
            {found.length === rows.length ? count(rows.length) : `${count(found.length)} of ${count(rows.length)}`}
          </span>
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <section class="scroll" tabIndex={0} aria-label={label}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => {
                const sorted = sort?.key === column.key;
                const order = sorted ? (sort.down ? 'descending' : 'ascending') : undefined;
                return (
                  <th
                    key={column.key}
                    scope="col"
                    class={column.number ? 'number' : ''}
                    aria-sort={order}
                    title={column.hint}
                  >
                    {column.by ? (
                      <button type="button" class="sort" onClick={() => turn(column.key, Boolean(column.number))}>
                        {column.title}
                        <span aria-hidden="true">{sorted ? (sort.down ? '↓' : '↑') : ''}</span>
                      </button>
                    ) : (
                      column.title
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, n) => (
              <tr key={rowKey(row, n)} class={classOf?.(row)}>
                {columns.map((column) => (
                  <td key={column.key} class={column.number ? 'number' : ''}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {found.length > shown.length && (
        <p class="more">
          <button type="button" onClick={() => setAll(true)}>
            Show all {count(found.length)}
          </button>
        </p>
      )}
      {found.length === 0 && <p class="more quiet">Nothing matches.</p>}
    </>
  );
}

function compare(a: number | string | null, b: number | string | null, down: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const order =
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : String(a).localeCompare(String(b), 'en', { numeric: true });
  return down ? -order : order;
}
