const N = 624;
const M = 397;

/**
 * Mersenne Twister MT19937 (Matsumoto, Nishimura 1998), seeded with `init_genrand`: the generator of NumPy's and
 * PyTorch's CPU streams. Not for secrets.
 */
export class Mt19937 {
  private readonly state = new Uint32Array(N);
  private index = N;

  /** @param seed unsigned 32-bit integer */
  constructor(seed: number) {
    this.state[0] = seed;
    for (let i = 1; i < N; i++) {
      const previous = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, previous) + i;
    }
  }

  /** Uniform unsigned 32-bit integer. */
  nextUint32(): number {
    if (this.index === N) this.refill();
    let y = this.state[this.index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** Uniform in [0, 1) with 24 random bits, as `torch.rand` draws float32. */
  uniform(): number {
    return (this.nextUint32() & 0xffffff) * 2 ** -24;
  }

  /** An integer in [0, bound), bound ≤ 2²⁴. */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Two independent standard normals (Box–Muller), from 53-bit uniforms. */
  normalPair(): [number, number] {
    const radius = Math.sqrt(-2 * Math.log(1 - this.wide()));
    const angle = 2 * Math.PI * this.wide();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  }

  private wide(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
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

/** rows × columns of `uniform() / √scale`, in float32 as torch computes it. */
export function uniformMatrix(random: Mt19937, count: number, scale: number): Float32Array {
  const out = new Float32Array(count);
  const root = Math.fround(Math.sqrt(scale));
  for (let i = 0; i < count; i++) out[i] = random.uniform() / root;
  return out;
}
