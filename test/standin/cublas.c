/* cuBLAS' functions: arguments checked as its documentation says, computed by a BLAS on the host. */
#include "standin.h"

#include "declarations.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HANDLE_MAGIC 0x43424c53u

typedef struct {
  Handle common;
  cublasMath_t math;
  cublasPointerMode_t pointers;
} Blas;

/* CBLAS of the host's library. */
enum { COLUMN_MAJOR = 102, NO_TRANS = 111, TRANS = 112, UPPER = 121, LOWER = 122, NON_UNIT = 131, UNIT = 132, LEFT = 141, RIGHT = 142 };
#define HOST_BLAS(t, real)                                                                                           \
  void cblas_##t##gemm(int, int, int, int, int, int, real, const real *, int, const real *, int, real, real *, int); \
  void cblas_##t##syrk(int, int, int, int, int, real, const real *, int, real, real *, int);                         \
  void cblas_##t##trsm(int, int, int, int, int, int, int, real, const real *, int, real *, int);
HOST_BLAS(s, float)
HOST_BLAS(d, double)
double cblas_dasum(int, const double *, int);
double cblas_ddot(int, const double *, int, const double *, int);
size_t cblas_idamax(int, const double *, int);

static Blas *blas_of(cublasHandle_t handle) {
  Blas *blas = (Blas *)handle;
  if (blas && blas->common.magic == HANDLE_MAGIC) return blas;
  standin_violation("%p is no cuBLAS handle", (void *)handle);
  return NULL;
}

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
  ENTER(cublasStatus_t);
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  if (!standin_initialized()) return CUBLAS_STATUS_NOT_INITIALIZED;
  standin_context_enter();
  Blas *blas = calloc(1, sizeof *blas);
  blas->common.magic = HANDLE_MAGIC;
  blas->common.stream = standin_stream(NULL);
  *handle = (cublasHandle_t)blas;
  standin_object("cuBLAS handles", 1);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  ENTER(cublasStatus_t);
  Blas *blas = blas_of(handle);
  if (!blas) return CUBLAS_STATUS_NOT_INITIALIZED;
  standin_device_synchronize(); /* documented */
  blas->common.magic = 0;
  standin_object("cuBLAS handles", -1);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int *version) {
  ENTER(cublasStatus_t);
  (void)handle; /* may be NULL in newer releases */
  if (!version) return CUBLAS_STATUS_INVALID_VALUE;
  *version = STANDIN_CUDA >= 13000 ? 130101 : STANDIN_CUDA >= 12000 ? 120604 : 111103;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t streamId) {
  ENTER(cublasStatus_t);
  Blas *blas = blas_of(handle);
  Stream *stream = standin_stream(streamId);
  if (!blas || !stream) return CUBLAS_STATUS_NOT_INITIALIZED;
  blas->common.stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  ENTER(cublasStatus_t);
  Blas *blas = blas_of(handle);
  if (!blas) return CUBLAS_STATUS_NOT_INITIALIZED;
  if ((mode & 15) > CUBLAS_TF32_TENSOR_OP_MATH || mode & ~31) return CUBLAS_STATUS_INVALID_VALUE;
  blas->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
  ENTER(cublasStatus_t);
  Blas *blas = blas_of(handle);
  if (!blas) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (mode != CUBLAS_POINTER_MODE_HOST && mode != CUBLAS_POINTER_MODE_DEVICE) return CUBLAS_STATUS_INVALID_VALUE;
  blas->pointers = mode;
  return CUBLAS_STATUS_SUCCESS;
}

/* ---------------------------------------------------------------- what every call does */

static int max_of(int a, int b) { return a > b ? a : b; }
static bool is_operation(cublasOperation_t op) { return op == CUBLAS_OP_N || op == CUBLAS_OP_T || op == CUBLAS_OP_C; }
static int transposition(cublasOperation_t op) { return op == CUBLAS_OP_N ? NO_TRANS : TRANS; }

/* A scalar of the mode the handle is in; device scalars are not implemented. */
static bool scalar_is_host(const Blas *blas, const char *function, const void *at) {
  size_t left;
  Space space = standin_space(at, &left);
  if (blas->pointers == CUBLAS_POINTER_MODE_HOST && space != DEVICE && space != FREED) return true;
  standin_violation("%s: a scalar at %p is %s, and the pointer mode is %s", function, at, standin_space_name(space),
                    blas->pointers == CUBLAS_POINTER_MODE_HOST ? "host" : "device (which the stand-in lacks)");
  return false;
}

static cublasStatus_t invalid(const char *function, const char *why) {
  standin_violation("%s: %s (CUBLAS_STATUS_INVALID_VALUE)", function, why);
  return CUBLAS_STATUS_INVALID_VALUE;
}

#define REQUIRE(condition) \
  if (!(condition)) return invalid(__func__, "not " #condition)

/* Queue on the handle's stream; bad memory fails the stream, as on a card, not the call. */
static cublasStatus_t queue(Blas *blas, const char *function, void (*run)(void *), const void *data, size_t bytes,
                            const Range *ranges, int count) {
  void *own = malloc(bytes);
  memcpy(own, data, bytes);
  for (int i = 0; i + 1 < count; i++) /* the last one is the result */
    if (standin_overlap(ranges[i], ranges[count - 1]) && ranges[i].at != ranges[count - 1].at)
      standin_violation("%s: the result overlaps an argument", function);
  standin_queue(blas->common.stream, function, run, own, ranges, count);
  standin_handle_end(&blas->common);
  return CUBLAS_STATUS_SUCCESS;
}

#define BEGIN()                                        \
  ENTER(cublasStatus_t);                               \
  Blas *blas = blas_of(handle);                        \
  if (!blas) return CUBLAS_STATUS_NOT_INITIALIZED;     \
  standin_context_enter();                             \
  if (standin_sticky_error()) return CUBLAS_STATUS_EXECUTION_FAILED

/* Float32 as TF32 tensor cores read it: 10 bits of mantissa. */
static float tf32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  if ((bits & 0x7f800000u) != 0x7f800000u) bits = (bits + 0x0fffu + ((bits >> 13) & 1)) & 0xffffe000u;
  memcpy(&value, &bits, 4);
  return value;
}

static float *tf32_copy(const float *a, int rows, int cols, int ld) {
  float *out = malloc(sizeof *out * (size_t)max_of(1, rows) * (size_t)max_of(1, cols));
  for (int j = 0; j < cols; j++)
    for (int i = 0; i < rows; i++) out[i + (size_t)j * (size_t)rows] = tf32(a[i + (size_t)j * (size_t)ld]);
  return out;
}

#define T(name) name##_s
#define CUBLAS(name) cublasS##name
#define CUBLAS_V2(name) cublasS##name##_v2
#define CBLAS(name) cblas_s##name
#define real float
#include "cublas-typed.inc"
#undef T
#undef CUBLAS
#undef CUBLAS_V2
#undef CBLAS
#undef real

#define T(name) name##_d
#define CUBLAS(name) cublasD##name
#define CUBLAS_V2(name) cublasD##name##_v2
#define CBLAS(name) cblas_d##name
#define real double
#include "cublas-typed.inc"

/* ---------------------------------------------------------------- sums: with a host pointer, they wait */

typedef struct {
  int n, incx, incy;
  const double *x, *y;
  double *sum;
  int *index;
} Sums;

static void run_asum(void *data) {
  const Sums *s = data;
  *s->sum = cblas_dasum(s->n, s->x, s->incx);
}

static void run_dot(void *data) {
  const Sums *s = data;
  *s->sum = cblas_ddot(s->n, s->x, s->incx, s->y, s->incy);
}

static void run_amax(void *data) {
  const Sums *s = data;
  *s->index = (int)cblas_idamax(s->n, s->x, s->incx) + 1;
}

static Range vector(const double *x, int n, int inc) {
  return READS(x, n <= 0 ? 0 : sizeof(double) * ((size_t)(n - 1) * (size_t)abs(inc) + 1));
}

static cublasStatus_t sum(Blas *blas, const char *function, void (*run)(void *), Sums s) {
  Range ranges[3] = {vector(s.x, s.n, s.incx), {0}, {0}};
  if (s.y) ranges[1] = vector(s.y, s.n, s.incy);
  void *own = malloc(sizeof s);
  memcpy(own, &s, sizeof s);
  bool queued = standin_queue(blas->common.stream, function, run, own, ranges, 3);
  int status = standin_stream_synchronize(blas->common.stream);
  standin_handle_end(&blas->common);
  return queued && status == 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasDasum_v2(cublasHandle_t handle, int n, const double *x, int incx, double *result) {
  BEGIN();
  REQUIRE(result != NULL);
  if (!scalar_is_host(blas, __func__, result)) return CUBLAS_STATUS_INVALID_VALUE;
  *result = 0;
  if (n <= 0 || incx <= 0) return CUBLAS_STATUS_SUCCESS;
  standin_handle_begin(&blas->common, "cuBLAS", __func__);
  return sum(blas, __func__, run_asum, (Sums){.n = n, .x = x, .incx = incx, .sum = result});
}

cublasStatus_t cublasDdot_v2(cublasHandle_t handle, int n, const double *x, int incx, const double *y, int incy,
                             double *result) {
  BEGIN();
  REQUIRE(result != NULL);
  if (!scalar_is_host(blas, __func__, result)) return CUBLAS_STATUS_INVALID_VALUE;
  *result = 0;
  if (n <= 0) return CUBLAS_STATUS_SUCCESS;
  standin_handle_begin(&blas->common, "cuBLAS", __func__);
  return sum(blas, __func__, run_dot, (Sums){.n = n, .x = x, .incx = incx, .y = y, .incy = incy, .sum = result});
}

cublasStatus_t cublasIdamax_v2(cublasHandle_t handle, int n, const double *x, int incx, int *result) {
  BEGIN();
  REQUIRE(result != NULL);
  if (!scalar_is_host(blas, __func__, result)) return CUBLAS_STATUS_INVALID_VALUE;
  *result = 0;
  if (n <= 0 || incx <= 0) return CUBLAS_STATUS_SUCCESS;
  standin_handle_begin(&blas->common, "cuBLAS", __func__);
  return sum(blas, __func__, run_amax, (Sums){.n = n, .x = x, .incx = incx, .index = result});
}
