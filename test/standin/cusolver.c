/* cuSOLVER's dense functions: arguments and workspaces checked as documented, computed by a LAPACK on the host. */
#include "standin.h"

#include "declarations.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HANDLE_MAGIC 0x43534f4cu
#define PARAMS_MAGIC 0x50415253u

/* LAPACK of the host's library; the lengths of strings come last. */
#define HOST_LAPACK(t, real)                                                                                           \
  void t##syevd_(const char *, const char *, const int *, real *, const int *, real *, real *, const int *, int *,     \
                 const int *, int *, size_t, size_t);                                                                  \
  void t##geqrf_(const int *, const int *, real *, const int *, real *, real *, const int *, int *);                   \
  void t##orgqr_(const int *, const int *, const int *, real *, const int *, const real *, real *, const int *, int *); \
  void t##potrf_(const char *, const int *, real *, const int *, int *, size_t);                                       \
  void t##gesvd_(const char *, const char *, const int *, const int *, real *, const int *, real *, real *, const int *, \
                 real *, const int *, real *, const int *, int *, size_t, size_t);
HOST_LAPACK(s, float)
HOST_LAPACK(d, double)

static Handle *solver_of(cusolverDnHandle_t handle) {
  Handle *solver = (Handle *)handle;
  if (solver && solver->magic == HANDLE_MAGIC) return solver;
  standin_violation("%p is no cuSOLVER handle", (void *)handle);
  return NULL;
}

cusolverStatus_t cusolverGetVersion(int *version) {
  ENTER(cusolverStatus_t);
  if (!version) return CUSOLVER_STATUS_INVALID_VALUE;
  *version = STANDIN_CUDA >= 13000 ? 12004 : STANDIN_CUDA >= 12000 ? 11701 : 11401;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t *handle) {
  ENTER(cusolverStatus_t);
  if (!handle) return CUSOLVER_STATUS_INVALID_VALUE;
  if (!standin_initialized()) return CUSOLVER_STATUS_NOT_INITIALIZED;
  standin_context_enter();
  Handle *solver = calloc(1, sizeof *solver);
  *solver = (Handle){.magic = HANDLE_MAGIC, .stream = standin_stream(NULL)};
  *handle = (cusolverDnHandle_t)solver;
  standin_object("cuSOLVER handles", 1);
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
  ENTER(cusolverStatus_t);
  Handle *solver = solver_of(handle);
  if (!solver) return CUSOLVER_STATUS_NOT_INITIALIZED;
  standin_device_synchronize();
  solver->magic = 0;
  standin_object("cuSOLVER handles", -1);
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t streamId) {
  ENTER(cusolverStatus_t);
  Handle *solver = solver_of(handle);
  Stream *stream = standin_stream(streamId);
  if (!solver || !stream) return CUSOLVER_STATUS_NOT_INITIALIZED;
  solver->stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t *params) {
  ENTER(cusolverStatus_t);
  if (!params) return CUSOLVER_STATUS_INVALID_VALUE;
  uint32_t *magic = malloc(sizeof *magic);
  *magic = PARAMS_MAGIC;
  *params = (cusolverDnParams_t)magic;
  standin_object("cuSOLVER parameters", 1);
  return CUSOLVER_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- what every call does */

typedef enum { SYEVD, GEQRF, ORGQR, POTRF, GESVD } Routine;

static const char *names[] = {"syevd", "geqrf", "orgqr", "potrf", "gesvd"};

typedef struct {
  Routine routine;
  bool twice; /* float64 */
  bool vectors, upper;
  char jobu, jobvt;
  int64_t m, n, k, lda, ldu, ldvt;
  void *a, *values, *u, *vt; /* values: eigenvalues, singular values, tau */
  void *work;
  size_t work_bytes;
  void *host;
  size_t host_bytes;
  int *info;
} Solve;

static size_t size_of(const Solve *s) { return s->twice ? 8 : 4; }

/* As much as cuSOLVER may ask for, about; odd, so that nobody gets it right by chance. */
static size_t device_bytes(const Solve *s) {
  size_t m = (size_t)s->m, n = (size_t)s->n, elements;
  switch (s->routine) {
    case SYEVD: elements = 2 * n * n + 6 * n + 1 + 1024; break;
    case GEQRF: elements = 65 * (m + n) + 1025; break;
    case ORGQR: elements = 33 * n + 1025; break;
    case POTRF: elements = 130 * n + 1025; break;
    default: elements = 3 * n * n + 8 * (m + n) + 1025; break;
  }
  return elements * size_of(s);
}

static size_t host_bytes(const Solve *s) { return s->routine != SYEVD && s->routine != GESVD ? 0 : 72 + 8 * (size_t)s->n; }

static cusolverStatus_t invalid(const Solve *s, const char *why) {
  standin_violation("cuSOLVER %s: %s (CUSOLVER_STATUS_INVALID_VALUE)", names[s->routine], why);
  return CUSOLVER_STATUS_INVALID_VALUE;
}

#define REQUIRE(condition) \
  if (!(condition)) return invalid(s, "not " #condition)

static cusolverStatus_t check(const Solve *s) {
  REQUIRE(s->m >= 0 && s->n >= 0);
  REQUIRE(s->m <= INT32_MAX && s->n <= INT32_MAX);
  REQUIRE(s->lda >= (s->m > 1 ? s->m : 1));
  if (s->routine == ORGQR) REQUIRE(s->m >= s->n && s->n >= s->k && s->k >= 0);
  if (s->routine == GESVD) {
    REQUIRE(s->m >= s->n); /* "gesvd only supports m>=n" */
    REQUIRE(strchr("ASON", s->jobu) && s->jobu);
    REQUIRE(strchr("ASON", s->jobvt) && s->jobvt);
    REQUIRE(!(s->jobu == 'O' && s->jobvt == 'O'));
    if (s->jobu == 'A' || s->jobu == 'S') REQUIRE(s->ldu >= (s->m > 1 ? s->m : 1));
    if (s->jobvt == 'A' || s->jobvt == 'S') REQUIRE(s->ldvt >= (s->n > 1 ? s->n : 1));
  }
  return CUSOLVER_STATUS_SUCCESS;
}

static cusolverStatus_t types(Solve *s, const cudaDataType *given, int count) {
  for (int i = 0; i < count; i++) {
    REQUIRE(given[i] == CUDA_R_32F || given[i] == CUDA_R_64F);
    REQUIRE(given[i] == given[0]);
  }
  s->twice = given[0] == CUDA_R_64F;
  return CUSOLVER_STATUS_SUCCESS;
}

static void scribble(void *at, size_t bytes) {
  if (standin_settings()->scribble && at) memset(at, 0xff, bytes);
}

#define T(name) name##_s
#define LAPACK(name) s##name##_
#define real float
#include "cusolver-typed.inc"
#undef T
#undef LAPACK
#undef real

#define T(name) name##_d
#define LAPACK(name) d##name##_
#define real double
#include "cusolver-typed.inc"

static void run_solve(void *data) {
  Solve *s = data;
  scribble(s->work, s->work_bytes);
  if (s->host_bytes > 0) {
    char *junk = malloc(s->host_bytes);
    memset(junk, 0xa5, s->host_bytes);
    if (!standin_host_write(s->host, junk, s->host_bytes))
      standin_violation("cuSOLVER %s: its host workspace at %p is gone before it ran", names[s->routine], s->host);
    free(junk);
  }
  int info = s->twice ? solve_d(s) : solve_s(s);
  *s->info = info;
}

static cusolverStatus_t queue(Handle *solver, Solve *s) {
  cusolverStatus_t bad = check(s);
  if (bad) return bad;
  REQUIRE(s->work_bytes >= device_bytes(s));
  REQUIRE(s->host_bytes >= host_bytes(s));
  REQUIRE(s->host_bytes == 0 || s->host != NULL);
  if (s->host_bytes > 0) {
    size_t left;
    Space space = standin_space(s->host, &left);
    if (space == DEVICE || space == FREED)
      standin_violation("cuSOLVER %s: its host workspace %p is %s", names[s->routine], s->host, standin_space_name(space));
  }
  size_t size = size_of(s);
  bool left_vectors = s->jobu == 'A' || s->jobu == 'S', right_vectors = s->jobvt == 'A' || s->jobvt == 'S';
  int64_t columns = s->jobu == 'A' ? s->m : s->n, count = s->routine == GEQRF && s->m < s->n ? s->m : s->n;
  if (s->routine == ORGQR) count = s->k;
  Range ranges[] = {
      standin_matrix(s->a, s->m, s->n, s->lda, size, true),
      {s->values, s->values ? (size_t)count * size : 0, s->routine != ORGQR},
      left_vectors ? standin_matrix(s->u, s->m, columns, s->ldu, size, true) : (Range){0},
      right_vectors ? standin_matrix(s->vt, s->n, s->n, s->ldvt, size, true) : (Range){0},
      WRITES(s->work, s->work_bytes),
      WRITES(s->info, sizeof(int)),
  };
  const int all = sizeof ranges / sizeof *ranges;
  for (int i = 0; i < all; i++)
    for (int j = 0; j < i; j++)
      if (standin_overlap(ranges[i], ranges[j]))
        standin_violation("cuSOLVER %s: arguments overlap in memory (%d and %d)", names[s->routine], j, i);
  standin_handle_begin(solver, "cuSOLVER", names[s->routine]);
  Solve *own = malloc(sizeof *own);
  *own = *s;
  standin_queue(solver->stream, names[s->routine], run_solve, own, ranges, all);
  standin_handle_end(solver);
  return CUSOLVER_STATUS_SUCCESS;
}

static cusolverStatus_t sizes(Solve *s, size_t *on_device, size_t *on_host) {
  cusolverStatus_t bad = check(s);
  if (bad) return bad;
  REQUIRE(on_device != NULL && on_host != NULL);
  *on_device = device_bytes(s);
  *on_host = host_bytes(s);
  return CUSOLVER_STATUS_SUCCESS;
}

#define BEGIN()                                             \
  ENTER(cusolverStatus_t);                                  \
  Handle *solver = solver_of(handle);                       \
  if (!solver) return CUSOLVER_STATUS_NOT_INITIALIZED;      \
  standin_context_enter();                                  \
  if (standin_sticky_error()) return CUSOLVER_STATUS_EXECUTION_FAILED

/* Types and parameters of the 64-bit interface. */
#define BEGIN_64(...)                                                                                \
  BEGIN();                                                                                           \
  if (params && *(uint32_t *)params != PARAMS_MAGIC) {                                               \
    standin_violation("%p are no cuSOLVER parameters", (void *)params);                              \
    return CUSOLVER_STATUS_INVALID_VALUE;                                                            \
  }                                                                                                  \
  const cudaDataType given_[] = {__VA_ARGS__};                                                       \
  cusolverStatus_t status_ = types(s, given_, (int)(sizeof given_ / sizeof *given_));                \
  if (status_) return status_

static cusolverStatus_t fill(Solve *s, cublasFillMode_t uplo) {
  REQUIRE(uplo == CUBLAS_FILL_MODE_LOWER || uplo == CUBLAS_FILL_MODE_UPPER);
  s->upper = uplo == CUBLAS_FILL_MODE_UPPER;
  return CUSOLVER_STATUS_SUCCESS;
}

static cusolverStatus_t job(Solve *s, cusolverEigMode_t jobz) {
  REQUIRE(jobz == CUSOLVER_EIG_MODE_NOVECTOR || jobz == CUSOLVER_EIG_MODE_VECTOR);
  s->vectors = jobz == CUSOLVER_EIG_MODE_VECTOR;
  return CUSOLVER_STATUS_SUCCESS;
}

#define TRY(call)                        \
  do {                                   \
    cusolverStatus_t failed_ = (call);   \
    if (failed_) return failed_;         \
  } while (0)

/* ---------------------------------------------------------------- the 64-bit interface */

cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                             cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                             cudaDataType dataTypeA, const void *A, int64_t lda, cudaDataType dataTypeW,
                                             const void *W, cudaDataType computeType, size_t *workspaceInBytesOnDevice,
                                             size_t *workspaceInBytesOnHost) {
  (void)A;
  (void)W;
  Solve *s = &(Solve){.routine = SYEVD, .m = n, .n = n, .lda = lda};
  BEGIN_64(dataTypeA, dataTypeW, computeType);
  TRY(fill(s, uplo));
  TRY(job(s, jobz));
  return sizes(s, workspaceInBytesOnDevice, workspaceInBytesOnHost);
}

cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t params, cusolverEigMode_t jobz,
                                  cublasFillMode_t uplo, int64_t n, cudaDataType dataTypeA, void *A, int64_t lda,
                                  cudaDataType dataTypeW, void *W, cudaDataType computeType, void *bufferOnDevice,
                                  size_t workspaceInBytesOnDevice, void *bufferOnHost, size_t workspaceInBytesOnHost,
                                  int *info) {
  Solve *s = &(Solve){.routine = SYEVD, .m = n, .n = n, .lda = lda, .a = A, .values = W, .work = bufferOnDevice,
                      .work_bytes = workspaceInBytesOnDevice, .host = bufferOnHost,
                      .host_bytes = workspaceInBytesOnHost, .info = info};
  BEGIN_64(dataTypeA, dataTypeW, computeType);
  TRY(fill(s, uplo));
  TRY(job(s, jobz));
  return queue(solver, s);
}

cusolverStatus_t cusolverDnXgeqrf_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params, int64_t m, int64_t n,
                                             cudaDataType dataTypeA, const void *A, int64_t lda,
                                             cudaDataType dataTypeTau, const void *tau, cudaDataType computeType,
                                             size_t *workspaceInBytesOnDevice, size_t *workspaceInBytesOnHost) {
  (void)A;
  (void)tau;
  Solve *s = &(Solve){.routine = GEQRF, .m = m, .n = n, .lda = lda};
  BEGIN_64(dataTypeA, dataTypeTau, computeType);
  return sizes(s, workspaceInBytesOnDevice, workspaceInBytesOnHost);
}

cusolverStatus_t cusolverDnXgeqrf(cusolverDnHandle_t handle, cusolverDnParams_t params, int64_t m, int64_t n,
                                  cudaDataType dataTypeA, void *A, int64_t lda, cudaDataType dataTypeTau, void *tau,
                                  cudaDataType computeType, void *bufferOnDevice, size_t workspaceInBytesOnDevice,
                                  void *bufferOnHost, size_t workspaceInBytesOnHost, int *info) {
  Solve *s = &(Solve){.routine = GEQRF, .m = m, .n = n, .lda = lda, .a = A, .values = tau, .work = bufferOnDevice,
                      .work_bytes = workspaceInBytesOnDevice, .host = bufferOnHost,
                      .host_bytes = workspaceInBytesOnHost, .info = info};
  BEGIN_64(dataTypeA, dataTypeTau, computeType);
  return queue(solver, s);
}

cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                             cublasFillMode_t uplo, int64_t n, cudaDataType dataTypeA, const void *A,
                                             int64_t lda, cudaDataType computeType, size_t *workspaceInBytesOnDevice,
                                             size_t *workspaceInBytesOnHost) {
  (void)A;
  Solve *s = &(Solve){.routine = POTRF, .m = n, .n = n, .lda = lda};
  BEGIN_64(dataTypeA, computeType);
  TRY(fill(s, uplo));
  return sizes(s, workspaceInBytesOnDevice, workspaceInBytesOnHost);
}

cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t handle, cusolverDnParams_t params, cublasFillMode_t uplo,
                                  int64_t n, cudaDataType dataTypeA, void *A, int64_t lda, cudaDataType computeType,
                                  void *bufferOnDevice, size_t workspaceInBytesOnDevice, void *bufferOnHost,
                                  size_t workspaceInBytesOnHost, int *info) {
  Solve *s = &(Solve){.routine = POTRF, .m = n, .n = n, .lda = lda, .a = A, .work = bufferOnDevice,
                      .work_bytes = workspaceInBytesOnDevice, .host = bufferOnHost,
                      .host_bytes = workspaceInBytesOnHost, .info = info};
  BEGIN_64(dataTypeA, computeType);
  TRY(fill(s, uplo));
  return queue(solver, s);
}

cusolverStatus_t cusolverDnXgesvd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params, signed char jobu,
                                             signed char jobvt, int64_t m, int64_t n, cudaDataType dataTypeA,
                                             const void *A, int64_t lda, cudaDataType dataTypeS, const void *S,
                                             cudaDataType dataTypeU, const void *U, int64_t ldu,
                                             cudaDataType dataTypeVT, const void *VT, int64_t ldvt,
                                             cudaDataType computeType, size_t *workspaceInBytesOnDevice,
                                             size_t *workspaceInBytesOnHost) {
  (void)A;
  (void)S;
  (void)U;
  (void)VT;
  Solve *s = &(Solve){.routine = GESVD, .m = m, .n = n, .lda = lda, .jobu = jobu, .jobvt = jobvt, .ldu = ldu, .ldvt = ldvt};
  BEGIN_64(dataTypeA, dataTypeS, dataTypeU, dataTypeVT, computeType);
  return sizes(s, workspaceInBytesOnDevice, workspaceInBytesOnHost);
}

cusolverStatus_t cusolverDnXgesvd(cusolverDnHandle_t handle, cusolverDnParams_t params, signed char jobu,
                                  signed char jobvt, int64_t m, int64_t n, cudaDataType dataTypeA, void *A, int64_t lda,
                                  cudaDataType dataTypeS, void *S, cudaDataType dataTypeU, void *U, int64_t ldu,
                                  cudaDataType dataTypeVT, void *VT, int64_t ldvt, cudaDataType computeType,
                                  void *bufferOnDevice, size_t workspaceInBytesOnDevice, void *bufferOnHost,
                                  size_t workspaceInBytesOnHost, int *info) {
  Solve *s = &(Solve){.routine = GESVD, .m = m, .n = n, .lda = lda, .jobu = jobu, .jobvt = jobvt, .ldu = ldu,
                      .ldvt = ldvt, .a = A, .values = S, .u = U, .vt = VT, .work = bufferOnDevice,
                      .work_bytes = workspaceInBytesOnDevice, .host = bufferOnHost,
                      .host_bytes = workspaceInBytesOnHost, .info = info};
  BEGIN_64(dataTypeA, dataTypeS, dataTypeU, dataTypeVT, computeType);
  return queue(solver, s);
}

/* ---------------------------------------------------------------- orgqr, per precision */

#define ORGQR_OF(letter, type, is_double)                                                                            \
  cusolverStatus_t cusolverDn##letter##orgqr_bufferSize(cusolverDnHandle_t handle, int m, int n, int k,              \
                                                        const type *A, int lda, const type *tau, int *lwork) {       \
    (void)A;                                                                                                         \
    (void)tau;                                                                                                       \
    Solve *s = &(Solve){.routine = ORGQR, .twice = is_double, .m = m, .n = n, .k = k, .lda = lda};                   \
    BEGIN();                                                                                                         \
    TRY(check(s));                                                                                                   \
    REQUIRE(lwork != NULL);                                                                                          \
    *lwork = (int)(device_bytes(s) / sizeof(type));                                                                  \
    return CUSOLVER_STATUS_SUCCESS;                                                                                  \
  }                                                                                                                  \
  cusolverStatus_t cusolverDn##letter##orgqr(cusolverDnHandle_t handle, int m, int n, int k, type *A, int lda,       \
                                             const type *tau, type *work, int lwork, int *info) {                    \
    Solve *s = &(Solve){.routine = ORGQR, .twice = is_double, .m = m, .n = n, .k = k, .lda = lda, .a = A,            \
                        .values = (void *)tau, .work = work, .work_bytes = (size_t)lwork * sizeof(type),             \
                        .info = info};                                                                             \
    BEGIN();                                                                                                         \
    return queue(solver, s);                                                                                         \
  }
ORGQR_OF(S, float, false)
ORGQR_OF(D, double, true)
