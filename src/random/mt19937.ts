const N = 624;
const M = 397;

/** MT19937 (Matsumoto, Nishimura 1998), the generator of NumPy's legacy and PyTorch's CPU streams. */
export class Mt19937 {
  private readonly state = new Uint32Array(N);
  private index = N;

  /** @param seed unsigned 32-bit. */
  constructor(seed: number) {
    this.state[0] = seed;
    for (let i = 1; i < N; i++) {
      const previous = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, previous) + i;
    }
  }

  nextUint32(): number {
    if (this.index === N) this.refill();
    let y = this.state[this.index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** 24 random bits in [0, 1): exact in float32. */
  uniform(): number {
    return (this.nextUint32() & 0xffffff) * 2 ** -24;
  }

  /** An integer in [0, bound), bound ≤ 2²⁴. */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  private refill(): void {
    const s = this.state;
    for (let i = 0; i < N; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % N] & 0x7fffffff);
      s[i] = s[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }
}
