import { type Dense, type Engine, isNotInstalled, unavailable } from './engine.js';

/**
 * TensorFlow.js on WebAssembly: float32 products with SIMD, on one core; no eigensolver, QR or SVD. Runs wherever Node does.
 * @throws WeightfoldError `backend_unavailable` where the optional packages were left out
 */
export async function openWasm(): Promise<Engine> {
  const tf = await load();
  if (!(await tf.setBackend('wasm'))) throw unavailable('TensorFlow.js could not start its WASM backend.');
  const simd = (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? ' (SIMD)' : '';
  return {
    library: `TensorFlow.js ${tf.version_core} WASM${simd}`,
    device: null,
    kernels: null,
    async multiply(a: Dense, b: Dense, transA: boolean, transB: boolean) {
      const tensors = [tf.tensor2d(a.values, [a.rows, a.cols]), tf.tensor2d(b.values, [b.rows, b.cols])];
      try {
        // Only products without transposition use SIMD (XNNPACK); the others are plain loops.
        if (transA) tensors.push(tf.transpose(tensors[0]));
        const x = tensors[transA ? 2 : 0];
        if (transB) tensors.push(tf.transpose(tensors[1]));
        const y = tensors[transB ? tensors.length - 1 : 1];
        const product = tf.matMul(x, y);
        tensors.push(product as (typeof tensors)[number]);
        return (await product.data()) as Float32Array;
      } finally {
        for (const tensor of tensors) tensor.dispose();
      }
    },
  };
}

async function load() {
  try {
    const tf = await import('@tensorflow/tfjs-core');
    await import('@tensorflow/tfjs-backend-wasm');
    return tf;
  } catch (error) {
    if (isNotInstalled(error))
      throw unavailable(
        '@tensorflow/tfjs-core and @tensorflow/tfjs-backend-wasm are not installed (optional dependencies).',
        error,
      );
    throw unavailable(`TensorFlow.js cannot be loaded: ${(error as Error).message}`, error);
  }
}
