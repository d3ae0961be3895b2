/** What is kept between runs on a device, and for how long: plans, groups of bindings, buffers. */
import { assert, assertEquals } from "@std/assert";
import { madeUpGpu } from "../../../../tests/helpers/made_up_gpu.ts";
import { GraphBuilder } from "../../../graph.ts";
import { linear } from "../../../ops/products/products.ts";
import { BindGroups } from "./bind_groups.ts";
import { GpuPool, USAGE } from "./pool.ts";

Deno.test("BindGroups remember those that were used last and never hold more than twice as many", () => {
  const groups = new BindGroups(10, 10);
  let made = 0;
  const use = (key: string) => groups.of(key, () => ({ label: `${made++}` }) as GPUBindGroup);
  const first = use("first");
  for (let i = 0; i < 1000; i++) {
    use(`group ${i}`);
    assert(groups.size.alone <= 20, `${groups.size.alone} groups`);
    // One that is used all the time is never made again.
    assertEquals(use("first"), first);
  }
  assertEquals(made, 1001);
});

Deno.test("a program forgets the plan of the sizes that it ran longest ago, not the one that it planned first", async () => {
  const { backend } = madeUpGpu(), g = new GraphBuilder();
  const graph = g.finish(g.run(linear, { x: g.input("x", ["T", 4]), w: g.input("w", [4, 4]) }));
  const program = await backend.compile(graph, "kept"), w = backend.zeros([4, 4]);
  const run = async (rows: number) => {
    const x = backend.zeros([rows, 4]);
    (await program.run({ x, w })).y?.dispose();
    x.dispose();
  };
  // Packs up to 8,192 rows have 80 lengths (padding.ts), all of which stay.
  for (let round = 0; round < 2; round++) for (let rows = 1; rows <= 80; rows++) await run(rows);
  assertEquals(backend.work.plans, 80);
  for (let rows = 81; rows <= 300; rows++) {
    await run(rows);
    await run(1);
  }
  assertEquals(backend.work.plans, 300);
});

Deno.test("GpuPool takes a free buffer of up to twice the size, and destroys free ones, never one that commands which weren't handed over may use", () => {
  const destroyed: number[] = [],
    device = {
      limits: { maxBufferSize: 2 ** 30 },
      createBuffer: ({ size }: { size: number }) => ({ size, destroy: () => destroyed.push(size) }),
    } as unknown as GPUDevice;
  const pool = new GpuPool(device, USAGE.storage), mebi = 2 ** 20;
  const take = (size: number) => pool.take(size * mebi);
  const small = [take(10), take(10), take(10)];
  small.forEach((buffer) => pool.give(buffer));
  const large = take(32);
  pool.give(large);
  assertEquals(take(20), large);
  pool.give(large);
  // 32 MiB would be more than twice what is asked for; with 14 more it is more than twice the most in use, but nothing was submitted.
  const other = take(14);
  assertEquals([pool.bytes, destroyed], [76 * mebi, []]);
  pool.submitted();
  pool.give(other);
  const longest = take(40);
  // What was free before the commands goes, and of the rest no more than has to.
  assertEquals([destroyed, pool.bytes, pool.count], [
    [10, 10, 10, 32].map((size) => size * mebi),
    54 * mebi,
    2,
  ]);
  // A number is never given twice, so groups of a buffer that is gone are never taken for another's.
  assertEquals([pool.placeOf(other).number, pool.placeOf(longest).number], [4, 5]);
});
