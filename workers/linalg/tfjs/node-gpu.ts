import { createRequire } from 'node:module';
import type * as Tfjs from '@tensorflow/tfjs-core';
import { type Dense, type Engine, isNotInstalled, type Kernels, unavailable } from './engine.js';

const PACKAGE = '@tensorflow/tfjs-node-gpu';

interface OpAttribute {
  name: string;
  type: number;
  value: boolean | number;
}

/** The parts of tfjs-node's kernel backend that reach TensorFlow's own kernels (nodejs_kernel_backend.d.ts). */
interface NodeBackend {
  binding: Record<'TF_ATTR_BOOL' | 'TF_ATTR_TYPE' | 'TF_FLOAT', number> & { TF_Version: string };
  isUsingGpuDevice: boolean;
  executeMultipleOutputs(
    name: string,
    attributes: OpAttribute[],
    inputs: Tfjs.Tensor[],
    outputs: number,
  ): Tfjs.Tensor[];
}

/**
 * TensorFlow 2.9 (CUDA 11) through tfjs-node-gpu, with its kernels SelfAdjointEigV2, Qr and Svd.
 * An optional peer dependency, because its install script downloads libtensorflow. Install it where the GPU is (docs/gpu.md).
 * @throws WeightfoldError `backend_unavailable`: not installed, not loadable, or without a GPU
 */
export function openNodeGpu(): Engine {
  const tf = load();
  const backend = tf.backend() as unknown as NodeBackend;
  if (!backend.isUsingGpuDevice)
    throw unavailable(
      `${PACKAGE} is installed, but TensorFlow sees no GPU it can use (CUDA 11 and cuDNN 8 are needed).`,
    );
  return {
    library: `TensorFlow ${backend.binding.TF_Version} (tfjs-node-gpu ${tf.version_core})`,
    device: 'GPU:0 (TensorFlow)',
    multiply: (a, b, transA, transB) =>
      using(async (own) => {
        const product = own(tf.matMul(own(tensorOf(tf, a)), own(tensorOf(tf, b)), transA, transB));
        return (await product.data()) as Float32Array;
      }),
    kernels: kernelsOf(tf, backend),
  };
}

function load(): typeof Tfjs {
  // TensorFlow rounds products to TF32 (10 bits) where the card can; this tells cuBLAS not to, unless asked otherwise.
  process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  try {
    return createRequire(import.meta.url)(PACKAGE) as typeof Tfjs;
  } catch (error) {
    if (isNotInstalled(error)) throw unavailable(`${PACKAGE} is not installed.`, error);
    throw unavailable(`${PACKAGE} is installed, but cannot be loaded: ${(error as Error).message}`, error);
  }
}

const tensorOf = (tf: typeof Tfjs, { values, rows, cols }: Dense) => tf.tensor2d(values, [rows, cols]);

/** Tensors are freed when the work is done, or fails. */
async function using<T>(work: (own: <S extends Tfjs.Tensor>(tensor: S) => S) => Promise<T>): Promise<T> {
  const owned: Tfjs.Tensor[] = [];
  try {
    return await work((tensor) => {
      owned.push(tensor);
      return tensor;
    });
  } finally {
    for (const tensor of owned) tensor.dispose();
  }
}

function kernelsOf(tf: typeof Tfjs, backend: NodeBackend): Kernels {
  const { binding } = backend;
  const type: OpAttribute = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const flag = (name: string, value: boolean): OpAttribute => ({ name, type: binding.TF_ATTR_BOOL, value });
  const run = (name: string, a: Dense, attributes: OpAttribute[], outputs: number) =>
    using(async (own) => {
      const results = backend.executeMultipleOutputs(name, attributes, [own(tensorOf(tf, a))], outputs).map(own);
      return Promise.all(results.map(async (result) => (await result.data()) as Float32Array));
    });
  return {
    async selfAdjointEig(a, vectors) {
      const [values, columns] = await run('SelfAdjointEigV2', a, [flag('compute_v', vectors), type], 2);
      return { values, vectors: columns };
    },
    qr: async (a, full) => (await run('Qr', a, [flag('full_matrices', full), type], 2))[0],
    async svd(a) {
      const attributes = [flag('compute_uv', true), flag('full_matrices', false), type];
      const [values, u, v] = await run('Svd', a, attributes, 3);
      return { values, u, v };
    },
  };
}
