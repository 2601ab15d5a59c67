/* The CUDA runtime's functions, as its documentation describes them. */
#include "standin.h"

#include "declarations.h"
#include <stdlib.h>
#include <string.h>

/* Longest row of a 2D copy: cudaDevAttrMaxPitch of every card so far. */
#define MAX_PITCH 2147483647u

cudaError_t cudaDriverGetVersion(int *driverVersion) {
  ENTER(cudaError_t);
  if (!driverVersion) return cudaErrorInvalidValue;
  *driverVersion = standin_settings()->driver;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *runtimeVersion) {
  ENTER(cudaError_t);
  if (!runtimeVersion) return cudaErrorInvalidValue;
  *runtimeVersion = STANDIN_CUDA;
  return cudaSuccess;
}

static const struct {
  int code;
  const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidPitchValue, "cudaErrorInvalidPitchValue", "invalid pitch argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorDevicesUnavailable, "cudaErrorDevicesUnavailable", "CUDA-capable device(s) is/are busy or unavailable"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const char *cudaGetErrorName(cudaError_t error) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].code == (int)error) return errors[i].name;
  return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].code == (int)error) return errors[i].text;
  return "unrecognized error code";
}

/* Whether the driver and a device are there; most functions fail with the same statuses where they are not. */
static cudaError_t ready(void) {
  const Settings *set = standin_settings();
  int first;
  if (set->driver == 0 || set->driver / 1000 < STANDIN_CUDA / 1000) return cudaErrorInsufficientDriver;
  if (standin_visible_devices(&first) == 0) return cudaErrorNoDevice;
  return cudaSuccess;
}

/* Begin a function that needs the device's context, which the runtime makes where it is missing. */
#define NEEDS_CONTEXT()                             \
  do {                                              \
    ENTER(cudaError_t);                             \
    cudaError_t ready_ = ready();                   \
    if (ready_ != cudaSuccess) return ready_;       \
    standin_context_enter();                        \
    int sticky_ = standin_sticky_error();           \
    if (sticky_) return (cudaError_t)sticky_;       \
  } while (0)

cudaError_t cudaGetDeviceCount(int *count) {
  ENTER(cudaError_t);
  if (!count) return cudaErrorInvalidValue;
  int first;
  *count = 0;
  cudaError_t state = ready();
  if (state == cudaSuccess) *count = standin_visible_devices(&first);
  return state;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device) {
  ENTER(cudaError_t);
  if (!value) return cudaErrorInvalidValue;
  int first;
  if (ready() != cudaSuccess) return ready();
  if (device < 0 || device >= standin_visible_devices(&first)) return cudaErrorInvalidDevice;
  const Settings *set = standin_settings();
  switch (attr) {
    case cudaDevAttrComputeCapabilityMajor: *value = set->capability / 10; break;
    case cudaDevAttrComputeCapabilityMinor: *value = set->capability % 10; break;
    case cudaDevAttrSingleToDoublePrecisionPerfRatio: *value = set->float64_ratio; break;
    case cudaDevAttrMaxPitch: *value = MAX_PITCH; break;
    default: standin_violation("cudaDeviceGetAttribute: the stand-in does not know attribute %d", attr); *value = 0;
  }
  return cudaSuccess;
}

/* ---------------------------------------------------------------- memory */

cudaError_t cudaMemGetInfo(size_t *left, size_t *total) {
  NEEDS_CONTEXT();
  if (!left || !total) return cudaErrorInvalidValue;
  standin_memory_info(left, total);
  return cudaSuccess;
}

cudaError_t cudaMalloc(void **devPtr, size_t size) {
  NEEDS_CONTEXT();
  if (!devPtr) return cudaErrorInvalidValue;
  *devPtr = size ? standin_device_malloc(size) : NULL;
  standin_tally("cudaMalloc: bytes", size);
  return size && !*devPtr ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaFree(void *devPtr) {
  NEEDS_CONTEXT();
  if (!devPtr) return cudaSuccess;
  return standin_device_free(devPtr) ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaMallocHost(void **ptr, size_t size) {
  NEEDS_CONTEXT();
  if (!ptr) return cudaErrorInvalidValue;
  *ptr = standin_pinned_malloc(size);
  standin_tally("cudaMallocHost: bytes", size);
  return *ptr ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *ptr) {
  NEEDS_CONTEXT();
  if (!ptr) return cudaSuccess;
  return standin_pinned_free(ptr) ? cudaSuccess : cudaErrorInvalidValue;
}

/* ---------------------------------------------------------------- copies */

typedef struct {
  char *to;
  const char *from;
  size_t to_pitch, from_pitch, width, height;
  Space to_space, from_space;
  uint64_t hash;  /* of pinned memory when the copy was asked for */
  char *snapshot; /* of pageable memory, where the driver stages it */
} Copy;

static size_t span(size_t pitch, size_t width, size_t height) { return (height - 1) * pitch + width; }

/* Hash of the rows, not of what lies between them. */
static uint64_t hash_rows(const char *at, size_t pitch, size_t width, size_t height) {
  if (pitch == width) return standin_hash(at, width * height);
  uint64_t hash = 0;
  for (size_t i = 0; i < height; i++) hash = hash * 31 + standin_hash(at + i * pitch, width);
  return hash;
}

static void copy_rows(const Copy *c, char *to, size_t to_pitch, const char *from, size_t from_pitch) {
  bool read = c->from_space == PAGEABLE && from != c->snapshot, write = c->to_space == PAGEABLE;
  bool whole = to_pitch == c->width && from_pitch == c->width;
  size_t rows = whole ? 1 : c->height, width = whole ? c->width * c->height : c->width;
  for (size_t i = 0; i < rows; i++) {
    char *x = to + i * to_pitch;
    const char *y = from + i * from_pitch;
    bool done = true;
    if (read) done = standin_host_read(x, y, width);
    else if (write) done = standin_host_write(x, y, width);
    else memmove(x, y, width);
    if (!done) {
      standin_violation("a copy met host memory at %p that is gone", read ? (const void *)y : (void *)x);
      return;
    }
  }
}

static void run_copy(void *data) {
  Copy *c = data;
  if (c->from_space == PINNED && hash_rows(c->from, c->from_pitch, c->width, c->height) != c->hash)
    standin_violation("pinned memory at %p (%zu bytes) was changed before its copy to the device ran", (void *)c->from,
                      c->width * c->height);
  if (c->from_space == PAGEABLE && !c->snapshot) {
    /* the host may have changed or freed it: the documentation does not say that it is read at once */
    char *now = malloc(c->width * c->height);
    Copy only = *c;
    only.to_space = DEVICE;
    copy_rows(&only, now, c->width, c->from, c->from_pitch);
    if (standin_hash(now, c->width * c->height) != c->hash)
      standin_violation("pageable memory at %p (%zu bytes) was changed before its copy to the device ran",
                        (void *)c->from, c->width * c->height);
    free(now);
  }
  if (c->snapshot) copy_rows(c, c->to, c->to_pitch, c->snapshot, c->width);
  else copy_rows(c, c->to, c->to_pitch, c->from, c->from_pitch);
  free(c->snapshot);
}

static bool reaches(const char *what, const char *function, Space wanted, Space found, size_t bytes, size_t left,
                    const void *at) {
  bool host = wanted == PAGEABLE;
  if (host ? found == DEVICE || found == FREED : found != DEVICE) {
    standin_violation("%s: %s should be %s, and %p is %s", function, what, host ? "host memory" : "device memory", at,
                      standin_space_name(found));
    return false;
  }
  if (found != PAGEABLE && bytes > left) {
    standin_violation("%s: %s at %p is to hold %zu bytes, and %zu are left of its allocation", function, what, at, bytes,
                      left);
    return false;
  }
  return true;
}

static cudaError_t copy(const char *function, Copy c, enum cudaMemcpyKind kind, cudaStream_t handle) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  if (c.width == 0 || c.height == 0) return cudaSuccess;
  Stream *stream = standin_stream(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  size_t from_bytes = span(c.from_pitch, c.width, c.height), to_bytes = span(c.to_pitch, c.width, c.height);
  size_t from_left, to_left;
  c.from_space = standin_space(c.from, &from_left);
  c.to_space = standin_space(c.to, &to_left);
  bool from_device = kind == cudaMemcpyDefault ? c.from_space == DEVICE
                                               : kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  bool to_device = kind == cudaMemcpyDefault ? c.to_space == DEVICE
                                             : kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  if (!c.from || !c.to) return cudaErrorInvalidValue;
  if (!reaches("the source", function, from_device ? DEVICE : PAGEABLE, c.from_space, from_bytes, from_left, c.from) ||
      !reaches("the target", function, to_device ? DEVICE : PAGEABLE, c.to_space, to_bytes, to_left, c.to))
    return cudaErrorInvalidValue;

  char name[64];
  const char *letters[] = {"pageable", "pinned", "device"};
  for (int bytes = 0; bytes < 2; bytes++) {
    strcpy(name, "copies: ");
    strcat(name, letters[c.from_space]);
    strcat(name, " to ");
    strcat(name, letters[c.to_space]);
    if (bytes) strcat(name, ", bytes");
    standin_tally(name, bytes ? c.width * c.height : 1);
  }

  Copy *work = malloc(sizeof *work);
  if (c.from_space == PINNED) c.hash = hash_rows(c.from, c.from_pitch, c.width, c.height);
  if (c.from_space == PAGEABLE) {
    char *taken = malloc(c.width * c.height);
    Copy only = c;
    only.to_space = DEVICE;
    copy_rows(&only, taken, c.width, c.from, c.from_pitch);
    if (standin_settings()->staged) c.snapshot = taken;
    else {
      c.hash = standin_hash(taken, c.width * c.height);
      free(taken);
    }
  }
  *work = c;
  Range ranges[2] = {{0}};
  if (from_device) ranges[0] = READS(c.from, from_bytes);
  if (to_device) ranges[1] = WRITES(c.to, to_bytes);
  static const char *names[] = {"a copy from host to host", "a copy to the device", "a copy to the host",
                                "a copy within the device", "a copy"};
  if (!standin_queue(stream, names[kind], run_copy, work, ranges, 2)) return cudaErrorIllegalAddress;
  /* "The function will return only once the copy has completed", as long as the driver stages pageable memory. */
  bool waits = c.to_space == PAGEABLE && standin_settings()->staged;
  return waits || !(from_device || to_device) ? (cudaError_t)standin_stream_synchronize(stream) : cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t count, enum cudaMemcpyKind kind, cudaStream_t stream) {
  NEEDS_CONTEXT();
  Copy c = {.to = dst, .from = src, .to_pitch = count, .from_pitch = count, .width = count, .height = 1};
  return copy(__func__, c, kind, stream);
}

cudaError_t cudaMemcpy2DAsync(void *dst, size_t dpitch, const void *src, size_t spitch, size_t width, size_t height,
                              enum cudaMemcpyKind kind, cudaStream_t stream) {
  NEEDS_CONTEXT();
  if (width > dpitch || width > spitch || dpitch > MAX_PITCH || spitch > MAX_PITCH) {
    standin_violation("%s: rows of %zu bytes in pitches of %zu and %zu; at most %u", __func__, width, dpitch, spitch,
                      MAX_PITCH);
    return cudaErrorInvalidPitchValue;
  }
  Copy c = {.to = dst, .from = src, .to_pitch = dpitch, .from_pitch = spitch, .width = width, .height = height};
  return copy(__func__, c, kind, stream);
}

typedef struct {
  void *at;
  size_t bytes;
  int value;
} Fill;

static void run_fill(void *data) {
  const Fill *f = data;
  memset(f->at, f->value, f->bytes);
}

cudaError_t cudaMemsetAsync(void *devPtr, int value, size_t count, cudaStream_t handle) {
  NEEDS_CONTEXT();
  if (count == 0) return cudaSuccess;
  Stream *stream = standin_stream(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  Fill *work = malloc(sizeof *work);
  *work = (Fill){devPtr, count, value};
  Range range = WRITES(devPtr, count);
  return standin_queue(stream, "cudaMemsetAsync", run_fill, work, &range, 1) ? cudaSuccess : cudaErrorInvalidValue;
}

/* ---------------------------------------------------------------- streams and events */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *pStream, unsigned int flags) {
  NEEDS_CONTEXT();
  if (!pStream || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
  *pStream = (cudaStream_t)standin_stream_new(flags);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  NEEDS_CONTEXT();
  Stream *stream = standin_stream(handle);
  return stream && standin_stream_delete(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  NEEDS_CONTEXT();
  Stream *stream = standin_stream(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (standin_stream_idle(stream)) standin_tally("cudaStreamSynchronize: nothing to do", 1);
  return (cudaError_t)standin_stream_synchronize(stream);
}

cudaError_t cudaDeviceSynchronize(void) {
  NEEDS_CONTEXT();
  return (cudaError_t)standin_device_synchronize();
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned int flags) {
  NEEDS_CONTEXT();
  Stream *stream = standin_stream(handle);
  Event *of = standin_event(event);
  if (!stream || !of) return cudaErrorInvalidResourceHandle;
  if (flags != cudaEventWaitDefault) return cudaErrorInvalidValue;
  standin_event_wait(stream, of);
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags) {
  NEEDS_CONTEXT();
  if (!event || flags > (cudaEventBlockingSync | cudaEventDisableTiming | cudaEventInterprocess))
    return cudaErrorInvalidValue;
  *event = (cudaEvent_t)standin_event_new(flags);
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  NEEDS_CONTEXT();
  Event *of = standin_event(event);
  return of && standin_event_delete(of) ? cudaSuccess : cudaErrorInvalidResourceHandle;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  NEEDS_CONTEXT();
  Stream *stream = standin_stream(handle);
  Event *of = standin_event(event);
  if (!stream || !of) return cudaErrorInvalidResourceHandle;
  standin_event_record(of, stream);
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  NEEDS_CONTEXT();
  Event *of = standin_event(event);
  if (!of) return cudaErrorInvalidResourceHandle;
  return (cudaError_t)standin_event_synchronize(of);
}
