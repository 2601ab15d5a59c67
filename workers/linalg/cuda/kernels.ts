/** Threads of a block, and blocks of a launch at most: each thread walks on by the number of all of them. */
export const BLOCK_THREADS = 256;
export const MAX_BLOCKS = 65_535;

/**
 * The few elementwise steps cuBLAS has no function for, in PTX, which the driver compiles for its card: conversion
 * between the precisions, and mirroring a triangle. Row-major; element (i, j) at i·stride + j.
 *
 * @param target compute capability it is written for, at most the card's, e.g. `sm_75`
 */
export const kernelSource = (target: string): string => `.version 6.3
.target ${target}
.address_size 64
${convert('widen', ['f32', 4], ['f64', 8], 'cvt.f64.f32')}
${convert('narrow', ['f64', 8], ['f32', 4], 'cvt.rn.f32.f64')}
${mirror('mirror32', 'f32', 4)}
${mirror('mirror64', 'f64', 8)}
`;

type Real = readonly [type: string, bytes: number];

/** Element number, in steps of the whole grid: %rd1 the element, %rd2 the step, %rd3 how many there are. */
const LOOP = `
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ntid.x;
  mov.u32 %r3, %tid.x;
  mov.u32 %r4, %nctaid.x;
  mul.wide.u32 %rd1, %r1, %r2;
  cvt.u64.u32 %rd4, %r3;
  add.u64 %rd1, %rd1, %rd4;
  mul.wide.u32 %rd2, %r4, %r2;`;

/** to[i, j] = from[i, j] for i·cols + j < total */
function convert(name: string, [from, fromBytes]: Real, [to, toBytes]: Real, instruction: string): string {
  return `
.visible .entry ${name}(.param .u64 p0, .param .u64 p1, .param .u64 p2, .param .u64 p3, .param .u64 p4, .param .u64 p5)
{
  .reg .pred %p<2>;
  .reg .b32 %r<5>;
  .reg .b64 %rd<16>;
  .reg .${from} %a;
  .reg .${to} %b;
  ld.param.u64 %rd5, [p0]; // from
  ld.param.u64 %rd6, [p1]; // to
  ld.param.u64 %rd3, [p2]; // total
  ld.param.u64 %rd7, [p3]; // cols
  ld.param.u64 %rd8, [p4]; // stride of from
  ld.param.u64 %rd9, [p5]; // stride of to
  cvta.to.global.u64 %rd5, %rd5;
  cvta.to.global.u64 %rd6, %rd6;${LOOP}
AGAIN:
  setp.ge.u64 %p1, %rd1, %rd3;
  @%p1 bra DONE;
  div.u64 %rd10, %rd1, %rd7;
  rem.u64 %rd11, %rd1, %rd7;
  mad.lo.u64 %rd12, %rd10, %rd8, %rd11;
  mad.lo.u64 %rd12, %rd12, ${fromBytes}, %rd5;
  mad.lo.u64 %rd13, %rd10, %rd9, %rd11;
  mad.lo.u64 %rd13, %rd13, ${toBytes}, %rd6;
  ld.global.${from} %a, [%rd12];
  ${instruction} %b, %a;
  st.global.${to} [%rd13], %b;
  add.u64 %rd1, %rd1, %rd2;
  bra AGAIN;
DONE:
  ret;
}`;
}

/** a[i, j] = a[j, i] for j < i: the upper triangle, row-major, onto the lower one of an n × n matrix. */
function mirror(name: string, type: string, bytes: number): string {
  return `
.visible .entry ${name}(.param .u64 p0, .param .u64 p1, .param .u64 p2, .param .u64 p3)
{
  .reg .pred %p<3>;
  .reg .b32 %r<5>;
  .reg .b64 %rd<16>;
  .reg .${type} %a;
  ld.param.u64 %rd5, [p0]; // a
  ld.param.u64 %rd3, [p1]; // total
  ld.param.u64 %rd7, [p2]; // n
  ld.param.u64 %rd8, [p3]; // stride
  cvta.to.global.u64 %rd5, %rd5;${LOOP}
AGAIN:
  setp.ge.u64 %p1, %rd1, %rd3;
  @%p1 bra DONE;
  div.u64 %rd10, %rd1, %rd7;
  rem.u64 %rd11, %rd1, %rd7;
  setp.ge.u64 %p2, %rd11, %rd10;
  @%p2 bra NEXT;
  mad.lo.u64 %rd12, %rd11, %rd8, %rd10;
  mad.lo.u64 %rd12, %rd12, ${bytes}, %rd5;
  mad.lo.u64 %rd13, %rd10, %rd8, %rd11;
  mad.lo.u64 %rd13, %rd13, ${bytes}, %rd5;
  ld.global.${type} %a, [%rd12];
  st.global.${type} [%rd13], %a;
NEXT:
  add.u64 %rd1, %rd1, %rd2;
  bra AGAIN;
DONE:
  ret;
}`;
}
