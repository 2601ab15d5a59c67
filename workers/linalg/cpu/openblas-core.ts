import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Names OpenBLAS gives its AVX-512 kernels; any of them is right on a CPU with AVX-512. */
const AVX512_CORES = ['SkylakeX', 'Cooperlake', 'SapphireRapids', 'Zen5'];
const AVX2_CORES = ['Haswell', 'Zen', 'Excavator', ...AVX512_CORES];

/** Instruction-set flags of this CPU, from the kernel; empty where it does not say (macOS, Arm). */
function cpuFlags(): Set<string> {
  if (os.platform() !== 'linux' || os.arch() !== 'x64') return new Set();
  try {
    const line = /^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    return new Set(line?.[1].split(' ') ?? []);
  } catch {
    return new Set();
  }
}

/**
 * The kernel OpenBLAS should use when the one it chose wastes the CPU, else null. Releases before 0.3.22 take CPUs they
 * do not know for Prescott (SSE3): 40 GFLOP/s in float32 on two cores that give 240 with AVX-512.
 */
export function betterCore(chosen: string, flags: ReadonlySet<string>): string | null {
  if (flags.has('avx512f') && flags.has('avx512bw') && flags.has('avx512dq') && flags.has('avx512vl'))
    return AVX512_CORES.includes(chosen) ? null : 'SkylakeX';
  if (flags.has('avx2') && flags.has('fma')) return AVX2_CORES.includes(chosen) ? null : 'Haswell';
  return null;
}

/**
 * Ask OpenBLAS, in a process of its own, which kernel it picks: the variable that overrides the choice is read once,
 * when the library is loaded, so it must be known before this process loads it. About 60 ms.
 */
function probeCore(library: string): string | null {
  const script = `const koffi = require(${JSON.stringify(koffiPath())});
    process.stdout.write(koffi.load(${JSON.stringify(library)}).func('str openblas_get_corename()')());`;
  try {
    return execFileSync(process.execPath, ['-e', script], {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return null; // Accelerate and MKL have no such function, and choose well by themselves
  }
}

const koffiPath = () => new URL(import.meta.resolve('koffi')).pathname;

/** Marks the environment of this process and its children as looked at: a probe costs a process start. */
const PROBED = 'WEIGHTFOLD_BLAS_PROBED';

/** Set OPENBLAS_CORETYPE for this process and its children when the library would choose a kernel below the CPU. */
export function selectOpenBlasCore(library: string): void {
  if (process.env.OPENBLAS_CORETYPE !== undefined || process.env[PROBED] === library) return;
  const chosen = probeCore(library);
  if (chosen === null) return;
  process.env[PROBED] = library;
  const better = betterCore(chosen, cpuFlags());
  if (better) process.env.OPENBLAS_CORETYPE = better;
}
