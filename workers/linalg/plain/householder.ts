/** Householder reflector I − β·v·vᵀ; v is zero before `from`. */
export interface Reflector {
  v: Float64Array;
  beta: number;
  from: number;
}

/**
 * The reflector that maps x[from…] to a multiple of its first entry, and that entry (Golub & Van Loan, algorithm 5.1.1,
 * unscaled). β = 0 where there is nothing to map.
 */
export function reflectorOf(x: Float64Array, from: number): { reflector: Reflector; head: number } {
  let tail = 0;
  for (let j = from + 1; j < x.length; j++) tail += x[j] * x[j];
  const v = x.slice();
  v.fill(0, 0, from);
  if (tail === 0) return { reflector: { v, beta: 0, from }, head: x[from] };
  const size = Math.sqrt(x[from] * x[from] + tail);
  const head = x[from] > 0 ? -size : size; // the sign that does not cancel
  v[from] = x[from] - head;
  return { reflector: { v, beta: 2 / (v[from] * v[from] + tail), from }, head };
}

/** x ← (I − β·v·vᵀ)·x */
function reflect({ v, beta, from }: Reflector, x: Float64Array): void {
  if (beta === 0) return;
  let along = 0;
  for (let j = from; j < x.length; j++) along += v[j] * x[j];
  along *= beta;
  for (let j = from; j < x.length; j++) x[j] -= along * v[j];
}

/** Reflectors of the QR factorization of the matrix with these columns, each of length m; the columns become R. 2·m·k² flops. */
export function factor(columns: readonly Float64Array[]): Reflector[] {
  return columns.map((column, i) => {
    const { reflector } = reflectorOf(column, i);
    for (let j = i; j < columns.length; j++) reflect(reflector, columns[j]);
    return reflector;
  });
}

/** Column j of Q = H_0·H_1⋯, where v_i begins at i + `shift`. */
export function columnOf(reflectors: readonly Reflector[], j: number, m: number, shift = 0): Float64Array {
  const q = new Float64Array(m);
  q[j] = 1;
  // Reflectors that begin behind j leave e_j alone.
  for (let i = Math.min(j - shift, reflectors.length - 1); i >= 0; i--) reflect(reflectors[i], q);
  return q;
}
