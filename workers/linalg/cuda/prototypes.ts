/**
 * The CUDA functions used, as the vendor's headers declare them (cuda.h, cuda_runtime_api.h, cublas_api.h,
 * cusolverDn.h, cusolver_common.h; CUDA 11.8 to 13), with handles as pointers and enumerations as int.
 * test/linalg/cuda-prototypes.test.ts compares them with the headers' own declarations.
 * `{r}` is float or double, `{t}` the letter for it.
 */
export const RUNTIME = {
  cudaDriverGetVersion: 'int cudaDriverGetVersion(int *driverVersion)',
  cudaRuntimeGetVersion: 'int cudaRuntimeGetVersion(int *runtimeVersion)',
  cudaGetErrorName: 'const char *cudaGetErrorName(int error)',
  cudaGetErrorString: 'const char *cudaGetErrorString(int error)',
  cudaGetDeviceCount: 'int cudaGetDeviceCount(int *count)',
  cudaDeviceGetAttribute: 'int cudaDeviceGetAttribute(int *value, int attr, int device)',
  cudaMemGetInfo: 'int cudaMemGetInfo(size_t *free, size_t *total)',
  cudaMalloc: 'int cudaMalloc(void **devPtr, size_t size)',
  cudaFree: 'int cudaFree(void *devPtr)',
  cudaMallocHost: 'int cudaMallocHost(void **ptr, size_t size)',
  cudaFreeHost: 'int cudaFreeHost(void *ptr)',
  cudaMemcpyAsync: 'int cudaMemcpyAsync(void *dst, const void *src, size_t count, int kind, void *stream)',
  cudaMemcpy2DAsync:
    'int cudaMemcpy2DAsync(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width, size_t height, int kind, void *stream)',
  cudaMemsetAsync: 'int cudaMemsetAsync(void *devPtr, int value, size_t count, void *stream)',
  cudaStreamCreateWithFlags: 'int cudaStreamCreateWithFlags(void **pStream, unsigned int flags)',
  cudaStreamSynchronize: 'int cudaStreamSynchronize(void *stream)',
  cudaStreamWaitEvent: 'int cudaStreamWaitEvent(void *stream, void *event, unsigned int flags)',
  cudaEventCreateWithFlags: 'int cudaEventCreateWithFlags(void **event, unsigned int flags)',
  cudaEventRecord: 'int cudaEventRecord(void *event, void *stream)',
  cudaEventSynchronize: 'int cudaEventSynchronize(void *event)',
  cudaEventDestroy: 'int cudaEventDestroy(void *event)',
} as const;

export const DRIVER = {
  cuDeviceGet: 'int cuDeviceGet(int *device, int ordinal)',
  cuDeviceGetName: 'int cuDeviceGetName(char *name, int len, int dev)',
  cuModuleLoadData: 'int cuModuleLoadData(void **module, const void *image)',
  cuModuleGetFunction: 'int cuModuleGetFunction(void **hfunc, void *hmod, const char *name)',
  cuLaunchKernel:
    'int cuLaunchKernel(void *f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ, unsigned int sharedMemBytes, void *hStream, void **kernelParams, void **extra)',
} as const;

export const CUBLAS = {
  cublasCreate_v2: 'int cublasCreate_v2(void **handle)',
  cublasGetVersion_v2: 'int cublasGetVersion_v2(void *handle, int *version)',
  cublasSetStream_v2: 'int cublasSetStream_v2(void *handle, void *streamId)',
  cublasSetMathMode: 'int cublasSetMathMode(void *handle, int mode)',
  cublasDasum_v2: 'int cublasDasum_v2(void *handle, int n, const double *x, int incx, double *result)',
  cublasDdot_v2:
    'int cublasDdot_v2(void *handle, int n, const double *x, int incx, const double *y, int incy, double *result)',
  cublasIdamax_v2: 'int cublasIdamax_v2(void *handle, int n, const double *x, int incx, int *result)',
} as const;

/** Per precision: `gemm` stands for cublasSgemm_v2 and cublasDgemm_v2, and so on. */
export const CUBLAS_TYPED = {
  gemm: 'int cublas{t}gemm_v2(void *handle, int transa, int transb, int m, int n, int k, const {r} *alpha, const {r} *A, int lda, const {r} *B, int ldb, const {r} *beta, {r} *C, int ldc)',
  syrk: 'int cublas{t}syrk_v2(void *handle, int uplo, int trans, int n, int k, const {r} *alpha, const {r} *A, int lda, const {r} *beta, {r} *C, int ldc)',
  trsm: 'int cublas{t}trsm_v2(void *handle, int side, int uplo, int trans, int diag, int m, int n, const {r} *alpha, const {r} *A, int lda, {r} *B, int ldb)',
  geam: 'int cublas{t}geam(void *handle, int transa, int transb, int m, int n, const {r} *alpha, const {r} *A, int lda, const {r} *beta, const {r} *B, int ldb, {r} *C, int ldc)',
  dgmm: 'int cublas{t}dgmm(void *handle, int mode, int m, int n, const {r} *A, int lda, const {r} *x, int incx, {r} *C, int ldc)',
} as const;

export const CUSOLVER = {
  cusolverGetVersion: 'int cusolverGetVersion(int *version)',
  cusolverDnCreate: 'int cusolverDnCreate(void **handle)',
  cusolverDnSetStream: 'int cusolverDnSetStream(void *handle, void *streamId)',
  cusolverDnCreateParams: 'int cusolverDnCreateParams(void **params)',
  cusolverDnXsyevd_bufferSize:
    'int cusolverDnXsyevd_bufferSize(void *handle, void *params, int jobz, int uplo, int64_t n, int dataTypeA, const void *A, int64_t lda, int dataTypeW, const void *W, int computeType, size_t *workspaceInBytesOnDevice, size_t *workspaceInBytesOnHost)',
  cusolverDnXsyevd:
    'int cusolverDnXsyevd(void *handle, void *params, int jobz, int uplo, int64_t n, int dataTypeA, void *A, int64_t lda, int dataTypeW, void *W, int computeType, void *bufferOnDevice, size_t workspaceInBytesOnDevice, void *bufferOnHost, size_t workspaceInBytesOnHost, int *info)',
  cusolverDnXgeqrf_bufferSize:
    'int cusolverDnXgeqrf_bufferSize(void *handle, void *params, int64_t m, int64_t n, int dataTypeA, const void *A, int64_t lda, int dataTypeTau, const void *tau, int computeType, size_t *workspaceInBytesOnDevice, size_t *workspaceInBytesOnHost)',
  cusolverDnXgeqrf:
    'int cusolverDnXgeqrf(void *handle, void *params, int64_t m, int64_t n, int dataTypeA, void *A, int64_t lda, int dataTypeTau, void *tau, int computeType, void *bufferOnDevice, size_t workspaceInBytesOnDevice, void *bufferOnHost, size_t workspaceInBytesOnHost, int *info)',
  cusolverDnXpotrf_bufferSize:
    'int cusolverDnXpotrf_bufferSize(void *handle, void *params, int uplo, int64_t n, int dataTypeA, const void *A, int64_t lda, int computeType, size_t *workspaceInBytesOnDevice, size_t *workspaceInBytesOnHost)',
  cusolverDnXpotrf:
    'int cusolverDnXpotrf(void *handle, void *params, int uplo, int64_t n, int dataTypeA, void *A, int64_t lda, int computeType, void *bufferOnDevice, size_t workspaceInBytesOnDevice, void *bufferOnHost, size_t workspaceInBytesOnHost, int *info)',
  cusolverDnXgesvd_bufferSize:
    'int cusolverDnXgesvd_bufferSize(void *handle, void *params, int8_t jobu, int8_t jobvt, int64_t m, int64_t n, int dataTypeA, const void *A, int64_t lda, int dataTypeS, const void *S, int dataTypeU, const void *U, int64_t ldu, int dataTypeVT, const void *VT, int64_t ldvt, int computeType, size_t *workspaceInBytesOnDevice, size_t *workspaceInBytesOnHost)',
  cusolverDnXgesvd:
    'int cusolverDnXgesvd(void *handle, void *params, int8_t jobu, int8_t jobvt, int64_t m, int64_t n, int dataTypeA, void *A, int64_t lda, int dataTypeS, void *S, int dataTypeU, void *U, int64_t ldu, int dataTypeVT, void *VT, int64_t ldvt, int computeType, void *bufferOnDevice, size_t workspaceInBytesOnDevice, void *bufferOnHost, size_t workspaceInBytesOnHost, int *info)',
} as const;

export const CUSOLVER_TYPED = {
  orgqr_bufferSize:
    'int cusolverDn{t}orgqr_bufferSize(void *handle, int m, int n, int k, const {r} *A, int lda, const {r} *tau, int *lwork)',
  orgqr:
    'int cusolverDn{t}orgqr(void *handle, int m, int n, int k, {r} *A, int lda, const {r} *tau, {r} *work, int lwork, int *info)',
} as const;

// Enumerations of the same headers.
export const OP_N = 0;
export const OP_T = 1;
export const FILL_LOWER = 0;
export const SIDE_RIGHT = 1;
export const DIAG_NON_UNIT = 0;
export const MATH_DEFAULT = 0;
export const MATH_TF32 = 3;
export const EIG_VALUES = 0;
export const EIG_VECTORS = 1;
export const REAL_32F = 0;
export const REAL_64F = 1;
export const HOST_TO_DEVICE = 1;
export const DEVICE_TO_HOST = 2;
export const DEVICE_TO_DEVICE = 3;
export const STREAM_NON_BLOCKING = 1;
export const EVENT_DISABLE_TIMING = 2;
export const ERROR_MEMORY = 2;
export const ERROR_INSUFFICIENT_DRIVER = 35;
export const ERROR_NO_DEVICE = 100;
export const ATTRIBUTE_MAJOR = 75;
export const ATTRIBUTE_MINOR = 76;
/** How many times faster the card is in float32 than in float64. */
export const ATTRIBUTE_FLOAT32_RATIO = 87;
