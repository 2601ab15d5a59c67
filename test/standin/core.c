/* Memory, streams, events, reports: what the stand-in's four libraries share. See standin.h. */
#define _GNU_SOURCE
#include "standin.h"

#include "declarations.h"
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4096)

/* Guards every list below. Never held while queued work runs. */
static pthread_mutex_t lists = PTHREAD_MUTEX_INITIALIZER;
/* Held by the one thread that runs queued work; a device does one thing at a time here. */
static pthread_mutex_t engine;

/* ================================================================ settings */

static Settings settings;
static pthread_once_t started = PTHREAD_ONCE_INIT;
static uint64_t random_state;

static uint64_t random_next(void) {
  uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static long long number(const char *name, long long otherwise) {
  const char *text = getenv(name);
  return text && *text ? strtoll(text, NULL, 0) : otherwise;
}

static void read_settings(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&engine, &attributes);
  settings.devices = (int)number("STANDIN_DEVICES", 1);
  settings.memory = (size_t)number("STANDIN_MEMORY", 8192LL * MIB);
  settings.reserved = (size_t)number("STANDIN_RESERVED", 0);
  settings.driver = (int)number("STANDIN_DRIVER", 13000);
  settings.capability = (int)number("STANDIN_CAPABILITY", 80);
  settings.float64_ratio = (int)number("STANDIN_F64_RATIO", 2);
  settings.scribble = number("STANDIN_SCRIBBLE", 1) != 0;
  const char *pageable = getenv("STANDIN_PAGEABLE");
  settings.staged = !pageable || strcmp(pageable, "deferred") != 0;
  const char *schedule = getenv("STANDIN_SCHEDULE");
  settings.schedule = LAZY;
  if (schedule && strcmp(schedule, "eager") == 0) settings.schedule = EAGER;
  if (schedule && strncmp(schedule, "random", 6) == 0) {
    settings.schedule = RANDOM;
    random_state = schedule[6] == ':' ? strtoull(schedule + 7, NULL, 0) : 1;
  }
}

const Settings *standin_settings(void) {
  pthread_once(&started, read_settings);
  return &settings;
}

int standin_visible_devices(int *first) {
  int all = standin_settings()->devices;
  const char *text = getenv("CUDA_VISIBLE_DEVICES");
  *first = 0;
  if (!text) return all;
  int count = 0;
  while (*text) { /* as documented: a list that ends at the first number that is no device */
    char *end;
    long each = strtol(text, &end, 10);
    if (end == text || each < 0 || each >= all) break;
    if (count++ == 0) *first = (int)each;
    text = *end == ',' ? end + 1 : end;
  }
  return count;
}

/* ================================================================ reports */

static atomic_ulong violations, remarks;

static void report(const char *kind, const char *format, va_list arguments) {
  char text[1024];
  vsnprintf(text, sizeof text, format, arguments);
  char line[1200];
  int length = snprintf(line, sizeof line, "[cuda stand-in %d] %s: %s\n", getpid(), kind, text);
  const char *file = getenv("STANDIN_LOG");
  if (file && *file) {
    FILE *log = fopen(file, "a");
    if (log) {
      fwrite(line, 1, (size_t)length, log);
      fclose(log);
    }
  } else {
    fwrite(line, 1, (size_t)length, stderr);
  }
}

void standin_violation(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  atomic_fetch_add(&violations, 1);
  report("VIOLATION", format, arguments);
  va_end(arguments);
  if (getenv("STANDIN_ABORT")) abort();
}

void standin_remark(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  atomic_fetch_add(&remarks, 1);
  report("remark", format, arguments);
  va_end(arguments);
}

/* Calls, and other totals, by name. */
typedef struct {
  char name[64];
  uint64_t total;
} Tally;

static Tally tallies[256];
static int tally_count;
static pthread_mutex_t tally_lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t add_to(const char *name, uint64_t amount) {
  pthread_mutex_lock(&tally_lock);
  int i = 0;
  while (i < tally_count && strcmp(tallies[i].name, name) != 0) i++;
  if (i == tally_count && tally_count < 256) snprintf(tallies[tally_count++].name, sizeof tallies[0].name, "%s", name);
  uint64_t total = i < 256 ? (tallies[i].total += amount) : 0;
  pthread_mutex_unlock(&tally_lock);
  return total;
}

void standin_tally(const char *name, uint64_t amount) { add_to(name, amount); }

int standin_enter(const char *name) {
  standin_settings();
  uint64_t call = add_to(name, 1);
  const char *plan = getenv("STANDIN_FAIL");
  size_t length = strlen(name);
  while (plan && *plan) {
    if (strncmp(plan, name, length) == 0 && plan[length] == ':') {
      unsigned long first = 1, times = ~0ul;
      int status = 1;
      sscanf(plan + length, ":%lu:%d:%lu", &first, &status, &times);
      if (call >= first && call - first < times) return status;
    }
    plan = strchr(plan, ',');
    if (plan) plan++;
  }
  return 0;
}

void standin_object(const char *kind, int change) {
  char name[64];
  snprintf(name, sizeof name, "held: %s", kind);
  add_to(name, (uint64_t)(int64_t)change);
}

/* ================================================================ memory */

/* The last accesses to an allocation, for finding unordered ones. */
typedef struct {
  uint64_t stamp;
  uintptr_t from, to;
  short stream;
  bool write;
  const char *name;
} Trace;

#define TRACES 48

typedef struct {
  uintptr_t from;
  size_t bytes;
  bool live;
  int traced;
  Trace *traces;
} Allocation;

/* Device addresses are given out once, upwards, with a hole after each: what was freed or overrun is never another's. */
#define ARENA_BYTES ((size_t)1 << 44)
static uintptr_t arena, arena_next;
static Allocation *blocks;
static size_t block_count, block_room;
static size_t device_used, device_peak;

typedef struct Pinned {
  struct Pinned *next;
  uintptr_t from;
  size_t bytes;
} Pinned;
static Pinned *pinned;
static size_t pinned_used;

static void open_arena(void) {
  if (arena) return;
  void *at = mmap((void *)0x300000000000, ARENA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    perror("cuda stand-in: mmap");
    abort();
  }
  arena = arena_next = (uintptr_t)at;
}

/* The allocation an address lies in, freed ones too; NULL where there is none. Call with `lists` held. */
static Allocation *block_at(uintptr_t at) {
  size_t low = 0, high = block_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (blocks[middle].from <= at) low = middle + 1;
    else high = middle;
  }
  if (low == 0) return NULL;
  Allocation *block = &blocks[low - 1];
  return at < block->from + block->bytes ? block : NULL;
}

Space standin_space(const void *pointer, size_t *left) {
  uintptr_t at = (uintptr_t)pointer;
  Space space = PAGEABLE;
  *left = 0;
  pthread_mutex_lock(&lists);
  if (arena && at >= arena && at < arena + ARENA_BYTES) {
    Allocation *block = block_at(at);
    space = block && block->live ? DEVICE : FREED;
    if (space == DEVICE) *left = block->from + block->bytes - at;
  } else {
    for (Pinned *each = pinned; each; each = each->next)
      if (at >= each->from && at < each->from + each->bytes) {
        space = PINNED;
        *left = each->from + each->bytes - at;
      }
  }
  pthread_mutex_unlock(&lists);
  return space;
}

const char *standin_space_name(Space space) {
  static const char *names[] = {"pageable host memory", "pinned host memory", "device memory", "no live device memory"};
  return names[space];
}

void *standin_device_malloc(size_t bytes) {
  const Settings *set = standin_settings();
  pthread_mutex_lock(&lists);
  open_arena();
  size_t size = (bytes + 511) / 512 * 512, span = (size + PAGE - 1) / PAGE * PAGE;
  void *at = NULL;
  if (set->reserved + device_used + size <= set->memory) {
    at = (void *)arena_next;
    if (mprotect(at, span, PROT_READ | PROT_WRITE) != 0) abort();
    arena_next += span + 16 * PAGE;
    if (block_count == block_room) {
      block_room = block_room ? 2 * block_room : 1024;
      blocks = realloc(blocks, block_room * sizeof *blocks);
    }
    /* The program may use what it asked for, not what that was rounded to. */
    blocks[block_count++] = (Allocation){.from = (uintptr_t)at, .bytes = bytes, .live = true};
    device_used += size;
    if (device_used > device_peak) device_peak = device_used;
  }
  pthread_mutex_unlock(&lists);
  if (at) memset(at, 0xff, span); /* NaN in either precision */
  return at;
}

bool standin_device_free(void *pointer) {
  standin_device_synchronize();
  pthread_mutex_lock(&lists);
  Allocation *block = block_at((uintptr_t)pointer);
  bool right = block && block->live && block->from == (uintptr_t)pointer;
  if (right) {
    size_t size = (block->bytes + 511) / 512 * 512, span = (size + PAGE - 1) / PAGE * PAGE;
    block->live = false;
    free(block->traces);
    block->traces = NULL;
    device_used -= size;
    madvise(pointer, span, MADV_DONTNEED);
    mprotect(pointer, span, PROT_NONE);
  }
  pthread_mutex_unlock(&lists);
  if (!right) standin_violation("cudaFree of %p, %s", pointer, block ? "freed before, or not the start" : "never allocated");
  return right;
}

void standin_memory_info(size_t *left, size_t *total) {
  const Settings *set = standin_settings();
  pthread_mutex_lock(&lists);
  *total = set->memory;
  *left = set->memory - set->reserved - device_used;
  pthread_mutex_unlock(&lists);
}

void *standin_pinned_malloc(size_t bytes) {
  void *at = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
  Pinned *entry = malloc(sizeof *entry);
  if (!at || !entry) return NULL;
  memset(at, 0xff, bytes);
  pthread_mutex_lock(&lists);
  *entry = (Pinned){.next = pinned, .from = (uintptr_t)at, .bytes = bytes};
  pinned = entry;
  pinned_used += bytes;
  pthread_mutex_unlock(&lists);
  return at;
}

bool standin_pinned_free(void *at) {
  standin_device_synchronize();
  pthread_mutex_lock(&lists);
  Pinned **link = &pinned;
  while (*link && (*link)->from != (uintptr_t)at) link = &(*link)->next;
  Pinned *found = *link;
  if (found) {
    *link = found->next;
    pinned_used -= found->bytes;
  }
  pthread_mutex_unlock(&lists);
  if (!found) {
    standin_violation("cudaFreeHost of %p, which is no pinned memory", at);
    return false;
  }
  free(at);
  free(found);
  return true;
}

/* ---- host memory of the program, which a garbage collector may have taken ---- */

static bool host_copy(void *to, const void *from, size_t bytes, bool reading) {
  const size_t most = (size_t)1 << 30;
  for (size_t done = 0; done < bytes;) {
    size_t part = bytes - done < most ? bytes - done : most;
    struct iovec local = {(char *)(reading ? to : (void *)from) + done, part};
    struct iovec remote = {(char *)(reading ? (void *)from : to) + done, part};
    ssize_t moved = reading ? process_vm_readv(getpid(), &local, 1, &remote, 1, 0)
                            : process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
    if (moved <= 0) {
      if (errno != EPERM && errno != ENOSYS) return false;
      memcpy((char *)to + done, (const char *)from + done, part); /* a sandbox forbids it: hope */
      moved = (ssize_t)part;
    }
    done += (size_t)moved;
  }
  return true;
}

bool standin_host_read(void *to, const void *from, size_t bytes) { return host_copy(to, from, bytes, true); }
bool standin_host_write(void *to, const void *from, size_t bytes) { return host_copy(to, from, bytes, false); }

uint64_t standin_hash(const void *at, size_t bytes) {
  const unsigned char *p = at;
  uint64_t hash = 0x243f6a8885a308d3u ^ bytes;
  for (; bytes >= 8; bytes -= 8, p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    hash = (hash ^ word) * 0x9fb21c651e98df25u;
    hash ^= hash >> 29;
  }
  for (; bytes > 0; bytes--) hash = (hash ^ *p++) * 0x100000001b3u;
  return hash;
}

Range standin_matrix(const void *at, int64_t rows, int64_t cols, int64_t ld, size_t size, bool write) {
  size_t bytes = rows <= 0 || cols <= 0 ? 0 : ((size_t)(cols - 1) * (size_t)ld + (size_t)rows) * size;
  return (Range){at, bytes, write};
}

bool standin_overlap(Range a, Range b) {
  uintptr_t x = (uintptr_t)a.at, y = (uintptr_t)b.at;
  return a.bytes > 0 && b.bytes > 0 && x < y + b.bytes && y < x + a.bytes;
}

/* ================================================================ streams */

typedef struct Work Work;
struct Work {
  Work *next;
  const char *name;
  uint64_t number; /* in its stream, from 1 */
  void (*run)(void *);
  void *data;
  /* A wait: for this number of that stream. */
  Stream *awaited;
  uint64_t until;
};

/*
 * `clock` is a vector clock: clock[s] is the number of the last work of stream s that everything queued here from now
 * on comes after. The host has one, too: work queued after a wait comes after what was waited for.
 */
struct Stream {
  uint32_t magic;
  short index;
  unsigned flags;
  Work *head, *tail;
  uint64_t queued, done;
  uint64_t clock[STREAMS];
};

struct Event {
  uint32_t magic;
  unsigned flags;
  Stream *stream; /* NULL until recorded */
  uint64_t number;
  uint64_t clock[STREAMS];
};

#define STREAM_MAGIC 0x5354524du
#define EVENT_MAGIC 0x45564e54u

static Stream legacy = {.magic = STREAM_MAGIC};
static Stream *streams[STREAMS] = {&legacy};
static short stream_count = 1;
static uint64_t host_clock[STREAMS];
static atomic_int sticky;

static void merge(uint64_t *into, const uint64_t *from) {
  for (int i = 0; i < stream_count; i++)
    if (from[i] > into[i]) into[i] = from[i];
}

Stream *standin_stream_new(unsigned flags) {
  Stream *stream = calloc(1, sizeof *stream);
  pthread_mutex_lock(&lists);
  if (stream_count == STREAMS) {
    fprintf(stderr, "cuda stand-in: more than %d streams\n", STREAMS);
    abort();
  }
  *stream = (Stream){.magic = STREAM_MAGIC, .index = stream_count, .flags = flags};
  streams[stream_count++] = stream;
  pthread_mutex_unlock(&lists);
  standin_object("streams", 1);
  return stream;
}

Stream *standin_stream(void *handle) {
  if (!handle || handle == (void *)1) return &legacy; /* NULL and cudaStreamLegacy */
  for (short i = 1; i < stream_count; i++)
    if (streams[i] == handle && streams[i]->magic == STREAM_MAGIC) return streams[i];
  standin_violation("%p is no stream", handle);
  return NULL;
}

bool standin_stream_delete(Stream *stream) {
  standin_stream_synchronize(stream);
  stream->magic = 0; /* its number stays taken */
  standin_object("streams", -1);
  return true;
}

Event *standin_event_new(unsigned flags) {
  Event *event = calloc(1, sizeof *event);
  event->magic = EVENT_MAGIC;
  event->flags = flags;
  standin_object("events", 1);
  return event;
}

Event *standin_event(void *handle) {
  Event *event = handle;
  uint32_t magic = 0;
  if (handle && standin_host_read(&magic, handle, sizeof magic) && magic == EVENT_MAGIC) return event;
  standin_violation("%p is no event", handle);
  return NULL;
}

bool standin_event_delete(Event *event) {
  event->magic = 0; /* leaked on purpose: a later use is recognised */
  standin_object("events", -1);
  return true;
}

/* ---- running ---- */

static Work *pop(Stream *stream) {
  pthread_mutex_lock(&lists);
  Work *work = stream->head;
  if (work) {
    stream->head = work->next;
    if (!stream->head) stream->tail = NULL;
  }
  pthread_mutex_unlock(&lists);
  return work;
}

static void finish(Stream *stream, Work *work) {
  pthread_mutex_lock(&lists);
  stream->done = work->number;
  pthread_mutex_unlock(&lists);
  free(work->data);
  free(work);
}

/* Run a stream up to a number, and first whatever it waits for. Call with `engine` held. */
static void drain(Stream *stream, uint64_t until) {
  while (stream->done < until) {
    pthread_mutex_lock(&lists);
    Work *next = stream->head;
    pthread_mutex_unlock(&lists);
    if (!next) break;
    if (next->awaited) drain(next->awaited, next->until);
    Work *work = pop(stream);
    if (work->run && !sticky) work->run(work->data);
    finish(stream, work);
  }
}

/* Run what is at the head of a stream if nothing has to come before it. Call with `engine` held. */
static bool step(Stream *stream) {
  pthread_mutex_lock(&lists);
  Work *next = stream->head;
  bool ready = next && (!next->awaited || next->awaited->done >= next->until);
  pthread_mutex_unlock(&lists);
  if (ready) drain(stream, stream->done + 1);
  return ready;
}

/* What a device may do by itself, as soon as something is queued. */
static void advance(void) {
  if (settings.schedule == LAZY || pthread_mutex_trylock(&engine) != 0) return;
  if (settings.schedule == EAGER) {
    for (bool moved = true; moved;) {
      moved = false;
      for (short i = stream_count - 1; i >= 0; i--)
        while (step(streams[i])) moved = true;
    }
  } else {
    for (int turns = (int)(random_next() % 4); turns > 0; turns--) {
      Stream *stream = streams[random_next() % (uint64_t)stream_count];
      for (int steps = (int)(random_next() % 6); steps > 0 && step(stream); steps--) {}
    }
  }
  pthread_mutex_unlock(&engine);
}

/* ---- queueing ---- */

static void append(Stream *stream, Work *work) {
  merge(stream->clock, host_clock);
  work->number = ++stream->queued;
  stream->clock[stream->index] = work->number;
  if (stream->tail) stream->tail->next = work;
  else stream->head = work;
  stream->tail = work;
}

/* Note an access, and report one by another stream that it is not ordered with. Call with `lists` held. */
static const Trace *trace(Allocation *block, Range range, const Stream *stream, const char *name, Trace *other) {
  uintptr_t from = (uintptr_t)range.at, to = from + range.bytes;
  const Trace *conflict = NULL;
  if (!block->traces) block->traces = calloc(TRACES, sizeof *block->traces);
  int kept = 0;
  for (int i = 0; i < block->traced; i++) {
    Trace *each = &block->traces[i];
    bool ordered = stream->clock[each->stream] >= each->stamp;
    if (!ordered && (each->write || range.write) && each->from < to && from < each->to) {
      *other = *each;
      conflict = other;
    }
    bool covered = each->stream == stream->index && from <= each->from && each->to <= to && (range.write || !each->write);
    if (!covered) block->traces[kept++] = *each;
  }
  if (kept == TRACES) memmove(block->traces, block->traces + 1, sizeof *block->traces * (size_t)--kept);
  block->traces[kept] = (Trace){stream->clock[stream->index], from, to, stream->index, range.write, name};
  block->traced = kept + 1;
  return conflict;
}

bool standin_queue(Stream *stream, const char *name, void (*run)(void *), void *data, const Range *ranges, int count) {
  for (int i = 0; i < count; i++) {
    if (ranges[i].bytes == 0) continue;
    size_t left;
    Space space = standin_space(ranges[i].at, &left);
    if (space == DEVICE && ranges[i].bytes <= left) continue;
    if (space == DEVICE)
      standin_violation("%s %s %zu bytes at %p, where %zu are left of the allocation", name,
                        ranges[i].write ? "writes" : "reads", ranges[i].bytes, ranges[i].at, left);
    else
      standin_violation("%s %s %p, which is %s", name, ranges[i].write ? "writes" : "reads", ranges[i].at,
                        standin_space_name(space));
    sticky = cudaErrorIllegalAddress;
    free(data);
    return false;
  }
  Work *work = calloc(1, sizeof *work);
  work->name = name;
  work->run = run;
  work->data = data;
  pthread_mutex_lock(&lists);
  append(stream, work);
  Trace other;
  const Trace *conflict = NULL;
  Range bad = {0};
  for (int i = 0; i < count; i++) {
    if (ranges[i].bytes == 0) continue;
    Allocation *block = block_at((uintptr_t)ranges[i].at);
    const Trace *found = block ? trace(block, ranges[i], stream, name, &other) : NULL;
    if (found) {
      conflict = found;
      bad = ranges[i];
    }
  }
  short index = stream->index;
  pthread_mutex_unlock(&lists);
  if (conflict)
    standin_violation("%s on stream %d %s %p (%zu bytes) while %s on stream %d, which %s it, is not ordered before it",
                      name, index, bad.write ? "writes" : "reads", bad.at, bad.bytes, conflict->name, conflict->stream,
                      conflict->write ? "writes" : "reads");
  advance();
  return true;
}

void standin_event_record(Event *event, Stream *stream) {
  Work *work = calloc(1, sizeof *work);
  work->name = "an event";
  pthread_mutex_lock(&lists);
  append(stream, work);
  event->stream = stream;
  event->number = work->number;
  memcpy(event->clock, stream->clock, sizeof event->clock);
  pthread_mutex_unlock(&lists);
  advance();
}

void standin_event_wait(Stream *stream, Event *event) {
  if (!event->stream) return; /* never recorded: nothing to wait for */
  Work *work = calloc(1, sizeof *work);
  work->name = "a wait";
  pthread_mutex_lock(&lists);
  work->awaited = event->stream;
  work->until = event->number;
  append(stream, work);
  merge(stream->clock, event->clock);
  pthread_mutex_unlock(&lists);
  advance();
}

/* ---- waiting ---- */

static int wait_for(Stream *stream, uint64_t until, const uint64_t *clock) {
  pthread_mutex_lock(&engine);
  drain(stream, until);
  pthread_mutex_unlock(&engine);
  pthread_mutex_lock(&lists);
  merge(host_clock, clock);
  pthread_mutex_unlock(&lists);
  return sticky;
}

int standin_stream_synchronize(Stream *stream) {
  standin_settings();
  uint64_t clock[STREAMS];
  pthread_mutex_lock(&lists);
  uint64_t until = stream->queued;
  memcpy(clock, stream->clock, sizeof clock);
  pthread_mutex_unlock(&lists);
  return wait_for(stream, until, clock);
}

int standin_event_synchronize(Event *event) {
  if (!event->stream) return sticky;
  pthread_mutex_lock(&lists);
  Stream *stream = event->stream;
  uint64_t until = event->number, clock[STREAMS];
  memcpy(clock, event->clock, sizeof clock);
  pthread_mutex_unlock(&lists);
  return wait_for(stream, until, clock);
}

int standin_device_synchronize(void) {
  for (short i = 0; i < stream_count; i++) standin_stream_synchronize(streams[i]);
  return sticky;
}

int standin_sticky_error(void) { return sticky; }

bool standin_stream_idle(Stream *stream) {
  pthread_mutex_lock(&lists);
  bool idle = stream->done == stream->queued;
  pthread_mutex_unlock(&lists);
  return idle;
}

/* ================================================================ contexts, handles */

static _Thread_local bool current;
static atomic_bool initialized;

void standin_context_enter(void) { current = initialized = true; }
bool standin_context_current(void) { return current; }
bool standin_initialized(void) { return initialized; }

void standin_handle_begin(Handle *handle, const char *library, const char *function) {
  if (__atomic_add_fetch(&handle->busy, 1, __ATOMIC_SEQ_CST) > 1)
    standin_remark("two threads use one %s handle at a time (%s); NVIDIA advises against it", library, function);
}

void standin_handle_end(Handle *handle) { __atomic_sub_fetch(&handle->busy, 1, __ATOMIC_SEQ_CST); }

/* ================================================================ summary */

__attribute__((destructor)) static void summary(void) {
  const char *file = getenv("STANDIN_STATS");
  if (!file || !*file || tally_count == 0) return;
  FILE *out = strcmp(file, "-") == 0 ? stderr : fopen(file, "a");
  if (!out) return;
  fprintf(out, "cuda stand-in, process %d: %lu violations, %lu remarks\n", getpid(), violations, remarks);
  size_t live = 0;
  for (size_t i = 0; i < block_count; i++) live += blocks[i].live;
  fprintf(out, "  device memory: %zu bytes in %zu blocks at the end, %zu at most; pinned %zu\n", device_used, live,
          device_peak, pinned_used);
  for (short i = 0; i < stream_count; i++)
    if (streams[i]->done < streams[i]->queued)
      fprintf(out, "  stream %d: %llu of %llu never run\n", i, (unsigned long long)(streams[i]->queued - streams[i]->done),
              (unsigned long long)streams[i]->queued);
  for (int i = 0; i < tally_count; i++)
    fprintf(out, "  %-34s %lld\n", tallies[i].name, (long long)tallies[i].total);
  if (out != stderr) fclose(out);
}
