import { expect, it } from 'vitest';
import { DEFAULT_MACHINE, type Machine } from '../../src/schemas/machine.js';
import { idleShare } from '../../workers/machine-idle.js';
import { SpeedKeeper } from '../../workers/speed-keeper.js';

const machine = (float32_flops_per_s: number): Machine => ({ ...DEFAULT_MACHINE, float32_flops_per_s });

/** A keeper on a machine whose state the test says; what it tells is the speeds it was given, one after the other. */
function keeper(speeds: number[]) {
  const state = { busy: false, idle: true };
  const told: number[] = [];
  const measuring = (speed: number) => ({ speed: Promise.resolve(machine(speed)), stop: () => {} });
  const kept = new SpeedKeeper(measuring(1), {
    measure: async () => measuring(speeds.shift() as number),
    busy: () => state.busy,
    idle: async () => state.idle,
    tell: (speed) => told.push(speed.float32_flops_per_s),
    onError: (error) => {
      throw error;
    },
  });
  return { kept, state, told };
}

it('a speed measured on a busy machine is replaced once the machine is idle, and stays then', async () => {
  const { kept, state, told } = keeper([10]);
  state.idle = false;
  expect(await kept.look()).toBe(false);
  state.idle = true;
  state.busy = true;
  expect(await kept.look()).toBe(false);
  expect(told).toEqual([1]);
  state.busy = false;
  expect(await kept.look()).toBe(true);
  expect(told).toEqual([1, 10]);
  kept.close();
});

it('a measurement during which something began is not told of', async () => {
  const looks = [true, false, true, true];
  const { kept, state, told } = keeper([5, 10]);
  Object.defineProperty(state, 'idle', { get: () => looks.shift() });
  expect(await kept.look()).toBe(false);
  expect(await kept.look()).toBe(true);
  expect(told).toEqual([1, 10]);
  kept.close();
});

it('the idle share of the cores is that of all of them together', () => {
  const core = (idle: number, user: number) => ({ times: { idle, user, nice: 0, sys: 0, irq: 0 } });
  expect(idleShare([core(0, 0), core(0, 0)], [core(100, 0), core(50, 50)])).toBe(0.75);
  expect(idleShare([core(5, 5)], [core(5, 5)])).toBe(0);
});
