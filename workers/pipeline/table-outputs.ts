import type { TensorPlan } from '../../src/schemas/plan.js';
import { offsetsOf } from '../bases/basis.js';
import { chunkRows } from '../bases/problem.js';
import { mergedSource } from './chain-outputs.js';
import type { StepContext } from './context.js';
import { OutputComparison, type OutputErrors } from './end-to-end.js';
import { openMerged } from './merged.js';
import { TensorReader } from './sources.js';

/** Every row of the stored table, folded back with the stored fold matrix, against the sources' rows; float64. */
export async function tableOutputs(context: StepContext): Promise<OutputErrors> {
  const { plan, la, reader, watch, signal } = context;
  const table = plan.tensors.find(({ role }) => role === 'weight') as TensorPlan;
  const fold = plan.tensors.find(({ role }) => role === 'fold') as TensorPlan;
  const merged = await openMerged(context);
  try {
    const stored = new TensorReader(la, [merged], plan.precision, watch, signal);
    const f = await stored.matrix(mergedSource(fold), 'float64');
    const offsets = offsetsOf(table.sources.map(({ shape }) => shape[1]));
    const total = offsets[offsets.length - 1];
    const comparison = new OutputComparison();
    const chunk = chunkRows(total);
    for (let from = 0; from < table.shape[0]; from += chunk) {
      const to = Math.min(from + chunk, table.shape[0]);
      const rows = await stored.block(mergedSource(table), from, to, 'float64');
      const back = await la.gemm(rows, f, { transB: true });
      la.dispose(rows);
      const y = la.zeros(to - from, total, 'float64');
      for (const [i, source] of table.sources.entries()) {
        const part = await reader.block(source, from, to, 'float64');
        await la.copy(part, la.view(y, 0, to - from, offsets[i], offsets[i + 1]));
        la.dispose(part);
      }
      comparison.add(await la.download(y), await la.download(back));
      la.dispose(y);
      la.dispose(back);
    }
    la.dispose(f);
    return comparison.result();
  } finally {
    await merged.close();
  }
}
