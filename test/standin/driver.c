/* The driver's functions (libcuda), with an interpreter for the subset of PTX that elementwise kernels need. */
#include "standin.h"

#include <ctype.h>
#include "declarations.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- devices */

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  ENTER(CUresult);
  int first;
  if (!standin_initialized()) return CUDA_ERROR_NOT_INITIALIZED;
  if (!device) return CUDA_ERROR_INVALID_VALUE;
  if (ordinal < 0 || ordinal >= standin_visible_devices(&first)) return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int len, CUdevice dev) {
  ENTER(CUresult);
  int first;
  if (!standin_initialized()) return CUDA_ERROR_NOT_INITIALIZED;
  if (!name || len <= 0) return CUDA_ERROR_INVALID_VALUE;
  if (dev < 0 || dev >= standin_visible_devices(&first)) return CUDA_ERROR_INVALID_DEVICE;
  snprintf(name, (size_t)len, "Stand-in GPU %d", first + dev);
  return CUDA_SUCCESS;
}

/* ---------------------------------------------------------------- PTX */

typedef enum { LD_PARAM, LD, ST, MOV, CVT, ADD, MUL_WIDE, MAD, DIV, REM, SETP_GE, BRA, RET } Opcode;
typedef enum { U32, U64, F32, F64 } Type;

typedef struct {
  enum { REGISTER, IMMEDIATE, CTAID, NTID, TID, NCTAID } kind;
  int index;
  uint64_t value;
} Operand;

typedef struct {
  Opcode op;
  Type type, from; /* `from` of a conversion */
  int guard;       /* predicate register, or -1 */
  bool negated;
  Operand arg[4];
  int target;
} Instruction;

#define REGISTERS 256

typedef union {
  uint64_t u;
  double d;
  float f;
} Value;

struct CUfunc_st {
  uint32_t magic;
  char name[64];
  int parameters;
  int count;
  Instruction *code;
  struct CUfunc_st *next;
};

struct CUmod_st {
  uint32_t magic;
  struct CUfunc_st *functions;
};

#define MODULE_MAGIC 0x4d4f4455u
#define FUNCTION_MAGIC 0x46554e43u

/* ---- parsing ---- */

typedef struct {
  char names[REGISTERS][32];
  Type types[REGISTERS];
  int registers;
  struct {
    char name[24];
    int at;
  } labels[64];
  int label_count;
  struct {
    char name[24];
    int instruction;
  } jumps[64];
  int jump_count;
  char parameters[16][24];
  char error[160];
} Parser;

static bool fail(Parser *p, const char *why, const char *where) {
  if (!p->error[0]) snprintf(p->error, sizeof p->error, "%s near \"%.60s\"", why, where);
  return false;
}

static const char *skip(const char *s) {
  for (;;) {
    while (isspace((unsigned char)*s)) s++;
    if (s[0] == '/' && s[1] == '/') while (*s && *s != '\n') s++;
    else return s;
  }
}

static const char *word(const char *s, char *out, size_t room) {
  size_t n = 0;
  s = skip(s);
  while (*s && (isalnum((unsigned char)*s) || strchr("_$%.", *s))) {
    if (n + 1 < room) out[n++] = *s;
    s++;
  }
  out[n] = 0;
  return skip(s);
}

static int find_register(Parser *p, const char *name) {
  for (int i = 0; i < p->registers; i++)
    if (strcmp(p->names[i], name) == 0) return i;
  return -1;
}

/* .reg .type %name<N>; or .reg .type %name; */
static const char *declare(Parser *p, const char *s) {
  char type[16], name[24];
  s = word(s, type, sizeof type);
  s = word(s, name, sizeof name);
  int count = -1;
  if (*s == '<') {
    count = (int)strtol(s + 1, (char **)&s, 10);
    s = skip(s + 1);
  }
  for (int i = 0; i < (count < 0 ? 1 : count); i++) {
    if (p->registers == REGISTERS) {
      fail(p, "too many registers", s);
      return s;
    }
    if (count < 0) snprintf(p->names[p->registers], 32, "%s", name);
    else snprintf(p->names[p->registers], 32, "%.18s%d", name, i);
    p->types[p->registers++] = strstr(type, "64") ? (type[1] == 'f' ? F64 : U64) : type[1] == 'f' ? F32 : U32;
  }
  return s;
}

static bool operand(Parser *p, const char *text, Operand *out) {
  static const char *special[] = {"%ctaid.x", "%ntid.x", "%tid.x", "%nctaid.x"};
  for (int i = 0; i < 4; i++)
    if (strcmp(text, special[i]) == 0) {
      *out = (Operand){.kind = CTAID + i};
      return true;
    }
  if (isdigit((unsigned char)*text)) {
    *out = (Operand){.kind = IMMEDIATE, .value = strtoull(text, NULL, 0)};
    return true;
  }
  int index = find_register(p, text);
  if (index < 0) return fail(p, "unknown register", text);
  *out = (Operand){.kind = REGISTER, .index = index};
  return true;
}

static bool type_of(Parser *p, const char *text, Type *out) {
  static const char *names[] = {"u32", "u64", "f32", "f64"};
  for (int i = 0; i < 4; i++)
    if (strcmp(text, names[i]) == 0) {
      *out = (Type)i;
      return true;
    }
  return fail(p, "unknown type", text);
}

/* "mad.lo.u64" by its parts; the last is the type. */
static bool opcode(Parser *p, const char *text, Instruction *out) {
  char copy[48], *parts[6], *rest = copy;
  int count = 0;
  snprintf(copy, sizeof copy, "%s", text);
  for (char *part; count < 6 && (part = strsep(&rest, "."));) parts[count++] = part;
  const char *name = parts[0], *second = count > 1 ? parts[1] : "";
  if (strcmp(name, "ret") == 0) return out->op = RET, true;
  if (strcmp(name, "bra") == 0) return out->op = BRA, true;
  if (count < 2 || !type_of(p, parts[count - 1], &out->type)) return fail(p, "no type", text);
  if (strcmp(name, "ld") == 0) out->op = strcmp(second, "param") == 0 ? LD_PARAM : LD;
  else if (strcmp(name, "st") == 0) out->op = ST;
  else if (strcmp(name, "mov") == 0 || strcmp(name, "cvta") == 0) out->op = MOV; /* one address space here */
  else if (strcmp(name, "add") == 0) out->op = ADD;
  else if (strcmp(name, "mul") == 0 && strcmp(second, "wide") == 0) out->op = MUL_WIDE;
  else if (strcmp(name, "mad") == 0 && strcmp(second, "lo") == 0) out->op = MAD;
  else if (strcmp(name, "div") == 0) out->op = DIV;
  else if (strcmp(name, "rem") == 0) out->op = REM;
  else if (strcmp(name, "setp") == 0 && strcmp(second, "ge") == 0) out->op = SETP_GE;
  else if (strcmp(name, "cvt") == 0) {
    out->op = CVT;
    out->from = out->type; /* cvt.to.from, with rounding in front where bits are lost */
    if (!type_of(p, parts[count - 2], &out->type)) return false;
    bool rounds = count == 4 && strcmp(second, "rn") == 0;
    if (out->from == F64 && out->type == F32 && !rounds) return fail(p, "a rounding is needed", text);
    if (out->from < F32 && out->type >= F32) return fail(p, "not implemented", text);
  } else return fail(p, "not implemented", text);
  if ((out->op == LD || out->op == ST) && strcmp(second, "global") != 0) return fail(p, "not implemented", text);
  return true;
}

static int width(Type type) { return type == U32 || type == F32 ? 4 : 8; }

/* Registers must be as wide as the instruction says. */
static bool widths(Parser *p, const Instruction *in, int operands, const char *where) {
  for (int i = 0; i < operands; i++) {
    if (in->arg[i].kind != REGISTER) continue;
    int expected = width(in->type);
    if ((in->op == LD && i == 1) || (in->op == ST && i == 0)) expected = 8;
    if (in->op == CVT && i == 1) expected = width(in->from);
    if (in->op == MUL_WIDE && i == 0) expected = 2 * width(in->type);
    if (in->op == SETP_GE && i == 0) continue;
    if (width(p->types[in->arg[i].index]) != expected) return fail(p, "a register of another width", where);
  }
  return true;
}

static bool parse_instruction(Parser *p, const char *start, const char *end, Instruction *out) {
  char text[160], name[48];
  snprintf(text, sizeof text, "%.*s", (int)(end - start), start);
  const char *s = text;
  *out = (Instruction){.guard = -1, .target = -1};
  if (*s == '@') {
    out->negated = s[1] == '!';
    s = word(s + 1 + out->negated, name, sizeof name);
    out->guard = find_register(p, name);
    if (out->guard < 0) return fail(p, "unknown predicate", text);
  }
  s = word(s, name, sizeof name);
  if (!opcode(p, name, out)) return false;
  if (out->op == RET) return true;
  if (out->op == BRA) {
    s = word(s, name, sizeof name);
    if (p->jump_count == 64) return fail(p, "too many jumps", text);
    return snprintf(p->jumps[p->jump_count++].name, 24, "%.23s", name) > 0;
  }
  int count = 0;
  while (*s && count < 4) {
    if (*s == ',' || *s == '[' || *s == ']') {
      s = skip(s + 1);
      continue;
    }
    s = word(s, name, sizeof name);
    if (!*name) return fail(p, "cannot be read", s);
    if (out->op == LD_PARAM && count == 1) {
      int i = 0;
      while (i < 16 && strcmp(p->parameters[i], name) != 0) i++;
      if (i == 16) return fail(p, "unknown parameter", name);
      out->arg[count++] = (Operand){.kind = IMMEDIATE, .value = (uint64_t)i};
    } else if (!operand(p, name, &out->arg[count++])) return false;
  }
  static const int expected[] = {[LD_PARAM] = 2, [LD] = 2, [ST] = 2, [MOV] = 2, [CVT] = 2, [ADD] = 3, [MUL_WIDE] = 3, [MAD] = 4, [DIV] = 3, [REM] = 3, [SETP_GE] = 3};
  if (count != expected[out->op]) return fail(p, "another number of operands", text);
  return widths(p, out, count, text);
}

/* The body after "{", to the matching "}". */
static const char *parse_body(Parser *p, const char *s, struct CUfunc_st *function) {
  int room = 64;
  function->code = malloc(sizeof *function->code * (size_t)room);
  for (s = skip(s); *s && *s != '}' && !p->error[0]; s = skip(s)) {
    char name[48];
    const char *after = word(s, name, sizeof name);
    if (*after == ':') {
      if (p->label_count == 64) fail(p, "too many labels", s);
      else {
        snprintf(p->labels[p->label_count].name, 24, "%.23s", name);
        p->labels[p->label_count++].at = function->count;
      }
      s = after + 1;
      continue;
    }
    const char *end = strchr(s, ';');
    if (!end) {
      fail(p, "no ;", s);
      break;
    }
    if (strcmp(name, ".reg") == 0) {
      declare(p, after);
    } else {
      if (function->count == room) function->code = realloc(function->code, sizeof *function->code * (size_t)(room *= 2));
      int jumps = p->jump_count;
      parse_instruction(p, s, end, &function->code[function->count]);
      if (p->jump_count > jumps) p->jumps[jumps].instruction = function->count;
      function->count++;
    }
    s = end + 1;
  }
  for (int j = 0; j < p->jump_count && !p->error[0]; j++) {
    int i = 0;
    while (i < p->label_count && strcmp(p->labels[i].name, p->jumps[j].name) != 0) i++;
    if (i == p->label_count) fail(p, "unknown label", p->jumps[j].name);
    else function->code[p->jumps[j].instruction].target = p->labels[i].at;
  }
  if (*s == '}') return s + 1;
  fail(p, "no }", s);
  return s;
}

static CUresult parse_module(const char *s, struct CUmod_st *module) {
  double version = 0;
  int target = 0;
  for (s = skip(s); *s;) {
    char name[64];
    s = word(s, name, sizeof name);
    if (strcmp(name, ".version") == 0) version = strtod(s, (char **)&s);
    else if (strcmp(name, ".target") == 0) {
      s = word(s, name, sizeof name);
      target = atoi(name + 3);
    } else if (strcmp(name, ".address_size") == 0) {
      s = word(s, name, sizeof name);
    } else if (strcmp(name, ".visible") == 0) {
      Parser *p = calloc(1, sizeof *p);
      struct CUfunc_st *function = calloc(1, sizeof *function);
      function->magic = FUNCTION_MAGIC;
      s = word(s, name, sizeof name); /* .entry */
      s = word(s, function->name, sizeof function->name);
      while (*s && *s != '{') {
        if (*s == '(' || *s == ')' || *s == ',') {
          s = skip(s + 1);
          continue;
        }
        char type[16];
        s = word(word(s, name, sizeof name), type, sizeof type); /* .param .u64 */
        if (strcmp(name, ".param") != 0 || strcmp(type, ".u64") != 0 || function->parameters == 16) {
          fail(p, "a parameter that is not .u64", s);
          break;
        }
        s = word(s, p->parameters[function->parameters++], 24);
      }
      s = parse_body(p, s + 1, function);
      bool bad = p->error[0];
      if (bad) standin_violation("PTX of %s: %s", function->name, p->error);
      free(p);
      if (bad) return CUDA_ERROR_INVALID_PTX;
      function->next = module->functions;
      module->functions = function;
    } else {
      standin_violation("PTX: %.60s", *name ? name : s);
      return CUDA_ERROR_INVALID_PTX;
    }
    s = skip(s);
  }
  if (version < 6.3 && target >= 75) return CUDA_ERROR_INVALID_PTX; /* sm_75 came with PTX 6.3 */
  if (target > standin_settings()->capability) return CUDA_ERROR_NO_BINARY_FOR_GPU;
  return CUDA_SUCCESS;
}

/* ---- running ---- */

typedef struct {
  const struct CUfunc_st *function;
  uint32_t blocks, threads;
  uint64_t parameters[16];
} Launch;

static bool touch(uintptr_t at, size_t bytes, const struct CUfunc_st *function, bool write) {
  static _Thread_local uintptr_t low, high; /* of the allocation touched last */
  static _Thread_local int age;
  if (at % bytes != 0) {
    standin_violation("kernel %s: address %p is not a multiple of %zu", function->name, (void *)at, bytes);
    return false;
  }
  if (at >= low && at + bytes <= high && ++age < 4096) return true;
  size_t left;
  age = 0;
  if (standin_space((void *)at, &left) == DEVICE && left >= bytes) {
    low = at;
    high = at + left;
    return true;
  }
  low = high = 0;
  standin_violation("kernel %s %s %p, which is no device memory", function->name, write ? "writes" : "reads", (void *)at);
  return false;
}

static uint64_t read_operand(const Operand *o, const Value *r, const Launch *l, uint32_t block, uint32_t thread) {
  switch (o->kind) {
    case REGISTER: return r[o->index].u;
    case IMMEDIATE: return o->value;
    case CTAID: return block;
    case NTID: return l->threads;
    case TID: return thread;
    default: return l->blocks;
  }
}

static bool run_thread(const Launch *l, uint32_t block, uint32_t thread) {
  Value r[REGISTERS];
  const struct CUfunc_st *f = l->function;
  for (int pc = 0; pc < f->count; pc++) {
    const Instruction *in = &f->code[pc];
    if (in->guard >= 0 && (r[in->guard].u != 0) == in->negated) continue;
    if (in->op == RET) return true;
    if (in->op == BRA) {
      pc = in->target - 1;
      continue;
    }
#define ARG(i) read_operand(&in->arg[i], r, l, block, thread)
    Value *to = in->arg[0].kind == REGISTER ? &r[in->arg[0].index] : NULL;
    bool narrow = in->type == U32;
    switch (in->op) {
      case LD_PARAM: to->u = l->parameters[in->arg[1].value]; break;
      case MOV: to->u = ARG(1); break;
      case ADD: {
        Value x = {.u = ARG(1)}, y = {.u = ARG(2)};
        if (in->type == F64) to->d = x.d + y.d;
        else if (in->type == F32) to->f = x.f + y.f;
        else to->u = x.u + y.u;
        break;
      }
      case MUL_WIDE: to->u = (uint64_t)(uint32_t)ARG(1) * (uint32_t)ARG(2); break;
      case MAD: to->u = ARG(1) * ARG(2) + ARG(3); break;
      case DIV: to->u = ARG(2) ? ARG(1) / ARG(2) : ~0ull; break;
      case REM: to->u = ARG(2) ? ARG(1) % ARG(2) : ARG(1); break;
      case SETP_GE: to->u = narrow ? (uint32_t)ARG(1) >= (uint32_t)ARG(2) : ARG(1) >= ARG(2); break;
      case CVT: {
        Value from = {.u = ARG(1)};
        if (in->from == F32 && in->type == F64) to->d = from.f;
        else if (in->from == F64 && in->type == F32) to->f = (float)from.d;
        else to->u = in->from == U32 ? (uint32_t)from.u : from.u;
        break;
      }
      case LD: {
        uintptr_t at = (uintptr_t)ARG(1);
        if (!touch(at, (size_t)width(in->type), f, false)) return false;
        to->u = 0;
        memcpy(to, (void *)at, (size_t)width(in->type));
        break;
      }
      case ST: {
        uintptr_t at = (uintptr_t)ARG(0);
        if (!touch(at, (size_t)width(in->type), f, true)) return false;
        Value from = {.u = ARG(1)};
        memcpy((void *)at, &from, (size_t)width(in->type));
        break;
      }
      default: break;
    }
    if (narrow && to && in->op != MUL_WIDE && in->op != SETP_GE && in->op != ST) to->u = (uint32_t)to->u;
  }
  return true;
}

static void run_launch(void *data) {
  const Launch *l = data;
  for (uint32_t block = l->blocks; block-- > 0;) /* any order is allowed: not the one that code may count on */
    for (uint32_t thread = l->threads; thread-- > 0;)
      if (!run_thread(l, block, thread)) return;
}

/* ---------------------------------------------------------------- modules and launches */

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  ENTER(CUresult);
  if (!standin_initialized()) return CUDA_ERROR_NOT_INITIALIZED;
  if (!standin_context_current()) return CUDA_ERROR_INVALID_CONTEXT;
  if (!module || !image) return CUDA_ERROR_INVALID_VALUE;
  struct CUmod_st *made = calloc(1, sizeof *made);
  made->magic = MODULE_MAGIC;
  CUresult status = parse_module(image, made);
  if (status != CUDA_SUCCESS) return status;
  *module = made;
  standin_object("modules", 1);
  return CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule hmod) {
  ENTER(CUresult);
  if (!hmod || hmod->magic != MODULE_MAGIC) return CUDA_ERROR_INVALID_HANDLE;
  standin_device_synchronize();
  hmod->magic = 0;
  standin_object("modules", -1);
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod, const char *name) {
  ENTER(CUresult);
  if (!hfunc || !name) return CUDA_ERROR_INVALID_VALUE;
  if (!hmod || hmod->magic != MODULE_MAGIC) return CUDA_ERROR_INVALID_HANDLE;
  for (struct CUfunc_st *each = hmod->functions; each; each = each->next)
    if (strcmp(each->name, name) == 0) {
      *hfunc = each;
      return CUDA_SUCCESS;
    }
  return CUDA_ERROR_NOT_FOUND;
}

CUresult cuLaunchKernel(CUfunction f, unsigned int gridDimX, unsigned int gridDimY, unsigned int gridDimZ,
                        unsigned int blockDimX, unsigned int blockDimY, unsigned int blockDimZ,
                        unsigned int sharedMemBytes, CUstream hStream, void **kernelParams, void **extra) {
  ENTER(CUresult);
  if (!standin_initialized()) return CUDA_ERROR_NOT_INITIALIZED;
  if (!standin_context_current()) {
    standin_violation("cuLaunchKernel on a thread without a context");
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  if (!f || f->magic != FUNCTION_MAGIC) return CUDA_ERROR_INVALID_HANDLE;
  Stream *stream = standin_stream(hStream);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  bool right = gridDimX > 0 && gridDimX <= 2147483647u && gridDimY == 1 && gridDimZ == 1 && blockDimX > 0 &&
               blockDimX <= 1024 && blockDimY == 1 && blockDimZ == 1 && sharedMemBytes == 0 && !extra;
  if (!right || (f->parameters > 0 && !kernelParams)) {
    standin_violation("cuLaunchKernel of %s: the stand-in knows one-dimensional grids, at least one block, no shared memory", f->name);
    return CUDA_ERROR_INVALID_VALUE;
  }
  Launch *launch = malloc(sizeof *launch);
  *launch = (Launch){.function = f, .blocks = gridDimX, .threads = blockDimX};
  for (int i = 0; i < f->parameters; i++) {
    size_t left;
    if (!kernelParams[i] || standin_space(kernelParams[i], &left) == DEVICE) {
      standin_violation("cuLaunchKernel of %s: parameter %d is at %p, which is not in host memory", f->name, i, kernelParams[i]);
      free(launch);
      return CUDA_ERROR_INVALID_VALUE;
    }
    memcpy(&launch->parameters[i], kernelParams[i], 8);
  }
  /* What it reads and writes is known when it runs; for the order among streams, the whole allocations count. */
  Range ranges[16];
  int count = 0;
  for (int i = 0; i < f->parameters; i++) {
    size_t left;
    void *at = (void *)launch->parameters[i];
    if (standin_space(at, &left) == DEVICE) ranges[count++] = WRITES(at, left);
  }
  standin_tally("threads of kernels", (uint64_t)gridDimX * blockDimX);
  char *label = f->name;
  return standin_queue(stream, label, run_launch, launch, ranges, count) ? CUDA_SUCCESS : CUDA_ERROR_ILLEGAL_ADDRESS;
}
