/**
 * Environment of a compute process: lets the C library keep freed arrays of up to 8 MB for reuse, which saves most page
 * faults. Larger ones go back to the kernel, so that they leave no holes; the backend keeps those it needs again.
 * Read once, when the process starts; ignored where the C library is not glibc.
 */
export const computeEnvironment = (environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  GLIBC_TUNABLES: 'glibc.malloc.mmap_threshold=8388608:glibc.malloc.trim_threshold=67108864',
  ...environment,
});
