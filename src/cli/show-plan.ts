import type { Plan } from '../client/index.js';
import { kindInWords } from '../report/merge-kind.js';
import { inOneLine } from '../schemas/printable.js';
import { bytes, columns, duration, facts } from './format.js';

/** A plan for people: what becomes of each space, what is written, what it costs. */
export function showPlan(plan: Plan): string {
  const { costs, warnings = [] } = plan;
  const parts = [
    facts([
      ['family', plan.family],
      ['kind', plan.kind === 'transformer' ? `transformer, ${kindInWords(plan)}` : plan.kind],
      ['steps', String(plan.steps.length)],
      ['reads', bytes(costs.bytes_read)],
      ['writes', bytes(costs.bytes_written)],
      ['memory', `${bytes(costs.peak_memory_bytes)} at most`],
      ['takes', `about ${duration(costs.estimated_seconds)}${costs.estimated_for ? ` (${costs.estimated_for})` : ''}`],
    ]),
  ];
  if (plan.kind === 'comparison') {
    const rows = plan.points.map(({ method, widths, parameters }) => [
      plan.methods[method].name,
      Object.entries(widths)
        .map(([space, width]) => `${space} ${width}`)
        .join(', '),
      parameters.toLocaleString('en'),
    ]);
    parts.push(columns(['METHOD', 'WIDTHS', 'PARAMETERS'], rows));
  } else {
    const rows = plan.spaces.map(({ name, source_widths, width, legality, reason }) => [
      name,
      source_widths.join(' + '),
      width === null ? 'by its goal' : String(width),
      legality,
      reason,
    ]);
    parts.push(columns(['SPACE', 'SOURCES', 'WIDTH', 'IS', 'BECAUSE'], rows));
    parts.push(`${plan.tensors.length} tensors`);
    if (plan.kind === 'transformer')
      for (const { source, tensors, reason } of plan.left_out ?? [])
        parts.push(
          inOneLine(`Not in the result${source ? `, from ${source}` : ''}: ${tensors.join(', ')} (${reason}).`),
        );
  }
  return [...parts, ...warnings.map((warning) => `Warning: ${inOneLine(warning)}`)].join('\n\n');
}
