import { assert, assertRejects } from "@std/assert";
import { GraphBuilder } from "../../../graph.ts";
import { linear } from "../../../ops/products/products.ts";
import { testWebGpu } from "../../../testing/backends.ts";
import { webgpuBackend } from "../mod.ts";

const { name: title, ignore } = await testWebGpu();

Deno.test({
  name: `programs are timed by the device's clock, which counts work and not waits (${title})`,
  ignore,
  fn: async () => {
    const backend = await webgpuBackend(), g = new GraphBuilder();
    const graph = g.finish(g.run(linear, { x: g.input("x", ["T", 64]), w: g.input("w", [64, 64]) }));
    const program = await backend.compile(graph, "timed"), w = backend.zeros([64, 64]);
    const small = backend.zeros([32, 64]), large = backend.zeros([8192, 64]);
    const { timed } = backend;
    if (timed) {
      const of = async (x: typeof w, runs: number, wait = 0) => {
        const began = performance.now();
        const seconds = await timed(async () => {
          for (let i = 0; i < runs; i++) (await program.run({ x, w })).y?.dispose();
          await backend.finish();
          await new Promise((resolve) => setTimeout(resolve, wait));
        });
        return { seconds, wall: (performance.now() - began) / 1000 };
      };
      await of(large, 1);
      await of(small, 1);
      const few = await of(small, 1, 200), many = await of(large, 4);
      assert(few.seconds > 0 && few.seconds < few.wall - 0.15, `${few.seconds} of ${few.wall} s`);
      assert(many.seconds > 0 && many.seconds <= many.wall, `${many.seconds} of ${many.wall} s`);
      await assertRejects(() => of(small, 257), RangeError, "there is room for 256");
    }
    await backend.dispose();
  },
});
