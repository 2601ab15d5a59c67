import type { TransformerPlan } from '../../../src/families/plan.js';
import { howItWasMade } from '../../../src/report/merge-kind.js';
import type { TransformerMetrics } from '../evaluate/evaluate.js';

const number = (value: number | null | undefined) => (value === null || value === undefined ? '–' : value.toFixed(3));

/** README.md of the result: what it was made from, how, and how well it does. */
export function modelCard(plan: TransformerPlan, metrics: TransformerMetrics): string {
  const { target, sources } = plan;
  const sizes = (a: typeof target) => `${a.hidden} | ${a.heads} × ${a.headDim} | ${a.kvHeads} | ${a.ffn} | ${a.layers}`;
  const lines = [
    '---',
    'library_name: transformers',
    'tags: [merge, weightfold]',
    '---',
    '',
    `# ${target.className} ${sources.length === 1 ? 'made' : 'merged'} from ${sources.map((s) => s.label).join(' and ')}`,
    '',
    howItWasMade(plan),
    '',
    '| | hidden | heads | kv heads | ffn | layers |',
    '|---|---|---|---|---|---|',
    ...sources.map((s) => `| ${s.label} | ${sizes(s.architecture)} |`),
    `| this model | ${sizes(target)} |`,
    '',
    '## Recipe',
    '',
    '```json',
    JSON.stringify(
      {
        family: plan.family,
        fit: plan.fit,
        mode: plan.mode,
        basis: plan.basis,
        source_weights: plan.source_weights,
        calibration: plan.calibration,
      },
      null,
      2,
    ),
    '```',
    '',
    '## Spaces',
    '',
    '| space | widths | width | legality | reason |',
    '|---|---|---|---|---|',
    ...plan.spaces.map(
      (s) => `| ${s.name} | ${s.source_widths.join(' + ')} | ${s.width} | ${s.legality} | ${s.reason} |`,
    ),
    '',
    ...leftOut(plan),
    ...figures(plan, metrics),
  ];
  return `${lines.join('\n')}\n`;
}

function leftOut({ left_out }: TransformerPlan): string[] {
  if (left_out.length === 0) return [];
  const line = ({ source, tensors, reason }: (typeof left_out)[number]) =>
    `- ${source ? `${source}: ` : ''}${tensors.map((name) => `\`${name}\``).join(', ')}: ${reason}`;
  return ['## Not in this model', '', ...left_out.map(line), ''];
}

function figures(plan: TransformerPlan, { probes, mean }: TransformerMetrics): string[] {
  if (probes.length === 0) return [];
  const row = (name: string, values: (number | null)[], total: number | null) =>
    `| ${name} | ${[...values, total].map(number).join(' | ')} |`;
  return [
    '## Loss on the probe tokens (nats)',
    '',
    `| | ${probes.map((p) => p.name).join(' | ')} | mean |`,
    `|---|${probes.map(() => '---').join('|')}|---|`,
    ...plan.sources.map((s, i) =>
      row(
        s.label,
        probes.map((p) => p.source_losses[i]),
        mean.source_losses[i],
      ),
    ),
    row(
      'mean of their logits (needs all of them)',
      probes.map((p) => p.mean_of_sources_loss),
      mean.mean_of_sources_loss,
    ),
    row(
      'this model',
      probes.map((p) => p.result_loss),
      mean.result_loss,
    ),
    '',
    ...probes.map(
      (p) =>
        `${p.name}: KL to the mean of the sources ${number(p.kl_to_mean)}, same top token at ${p.top1_agreement === null ? '–' : `${(100 * p.top1_agreement).toFixed(1)} %`}.`,
    ),
  ];
}
