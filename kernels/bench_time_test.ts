import { assert, assertEquals } from "@std/assert";
import type { Program } from "./backend.ts";
import { referenceBackend } from "./backends/reference/mod.ts";
import { timeProgram } from "./bench_time.ts";

/** A program of nothing that counts its runs. */
function counted(): Program & { runs: number } {
  return {
    runs: 0,
    run() {
      this.runs++;
      return Promise.resolve({});
    },
    dispose: () => Promise.resolve(),
  };
}

Deno.test("timeProgram() takes a device's own clock where it has one, for at most 256 runs at once, and never waits for it otherwise", async () => {
  const program = counted(), lots: number[] = [];
  let waits = 0;
  const device = {
    ...referenceBackend(),
    finish: () => Promise.resolve(void waits++),
    // A run of half a microsecond by the device's clock.
    timed: async (work: () => Promise<void>) => {
      const before = program.runs;
      await work();
      lots.push(program.runs - before);
      return (program.runs - before) * 5e-7;
    },
  };
  const { time } = await timeProgram(device, program, {}, 0.2);
  assert(Math.abs(time - 5e-7) < 1e-12, `${time} s`);
  assertEquals([lots, waits], [[1, 4, 16, 64, 256, 256, 256], 0]);
});

Deno.test("timeProgram() without such a clock waits before and behind each measurement", async () => {
  const program = counted();
  let waits = 0, waited = 0;
  const device = {
    ...referenceBackend(),
    finish: () => {
      waited = program.runs;
      return new Promise<void>((resolve) => setTimeout(resolve, waits++ % 2));
    },
  };
  const begun = performance.now();
  const { time } = await timeProgram(device, program, {}, 1e-4);
  const all = (performance.now() - begun) / 1000;
  // one of three measurements that were made meanwhile
  assert(time > 0 && time < all, `${time} of ${all} s`);
  assertEquals([waited, waits % 2], [program.runs, 0]);
});
