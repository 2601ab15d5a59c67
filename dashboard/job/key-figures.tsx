import type { ComponentChildren } from 'preact';

export interface KeyFigure {
  name: string;
  value: ComponentChildren;
  note: string;
}

/** The few numbers one looks for first. */
export function KeyFigures({ figures, title }: { figures: readonly KeyFigure[]; title: string }) {
  return (
    <section class="card" aria-labelledby="figures">
      <header>
        <h2 id="figures">{title}</h2>
      </header>
      <dl class="body key-figures">
        {figures.map(({ name, value, note }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="value">{value}</dd>
            <dd class="quiet small">{note}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
