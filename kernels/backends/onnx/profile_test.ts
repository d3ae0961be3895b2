/** Profiles: which runs count, and to which kernel an operator belongs. */
import { assert, assertEquals, assertRejects } from "@std/assert";

import { GraphBuilder } from "../../graph.ts";
import { attention } from "../../ops/attention/attention.ts";
import { linear } from "../../ops/products/products.ts";
import { openLibrary } from "./c_api/mod.ts";
import { javascriptWay } from "./javascript_way.ts";
import { onnxBackend } from "./mod.ts";
import { countedTimes, OnnxProfiler } from "./profile.ts";

const { library, reason } = openLibrary(), ignore = library === null;

Deno.test({
  name: `a profile has counted runs' operators by kernel, a loop as one${
    reason === null ? "" : `: ${reason}`
  }`,
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const profiler = new OnnxProfiler(folder),
        backend = onnxBackend({ profiler, threads: 1, native: false });
      const g = new GraphBuilder(), cols = 4, rows = ["T", cols];
      const { y: q } = g.run(linear, { x: g.input("x", rows), w: g.input("w", [cols, cols]) });
      const { o } = g.run(attention, {
        q,
        k: g.input("k", rows),
        v: g.input("v", rows),
        until: g.input("until", ["T"], "i32"),
        positions: g.input("positions", ["T"], "i32"),
      }, { heads: 1, kv_heads: 1, scale: 1, window: null });
      const program = await backend.compile(g.finish({ o }), "test");
      const floats = (count: number) =>
        backend.upload(new Float32Array(count * cols).fill(0.5), [count, cols]);
      const run = (count: number) => {
        const indices = (values: number[]) => backend.upload(Int32Array.from(values), [count]);
        return program.run({
          x: floats(count),
          w: floats(cols),
          k: floats(count),
          v: floats(count),
          until: indices(Array.from({ length: count }, () => count)),
          positions: indices(Array.from({ length: count }, (_, i) => i)),
        });
      };
      await run(2);
      profiler.begin();
      await run(3);
      profiler.end();
      await run(5);
      await assertRejects(() => profiler.times(), Error, "the session still runs");
      await program.dispose();
      const { runs, operators } = await profiler.times();
      assertEquals(
        operators.filter(({ kernel }) => kernel === "linear").map(({ op, shapes }) => ({ op, shapes })),
        [
          { op: "Gemm", shapes: [[3, cols], [cols, cols]] },
        ],
      );
      const ofAttention = operators.filter(({ kernel }) => kernel === "attention").map(({ op }) => op);
      assertEquals(ofAttention.filter((op) => op === "Loop" || op === "Softmax"), ["Loop"]);
      assert(runs >= operators.reduce((sum, { milliseconds }) => sum + milliseconds, 0), "runs last longer");
      await backend.dispose();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("countedTimes() sums runs that count and leaves out what stands in another operator", () => {
  const node = (name: string, ts: number, dur: number, op_name = "Add") => ({
    cat: "Node",
    name: `${name}_kernel_time`,
    ts,
    dur,
    args: { op_name },
  });
  const run = (ts: number, dur: number) => ({ cat: "Session", name: "model_run", ts, dur });
  const events = [
    { cat: "Session", name: "session_initialization", ts: 0, dur: 5 },
    node("add#0.0", 11, 4),
    run(10, 10),
    node("Mul_3", 32, 2),
    node("attention#4.9", 31, 5, "Loop"),
    node("out", 37, 1, "Identity"),
    run(30, 10),
  ];
  assertEquals(countedTimes(events, [false, true]), {
    runs: 0.01,
    operators: [
      { kernel: "attention", op: "Loop", milliseconds: 0.005, shapes: [] },
      { kernel: null, op: "Identity", milliseconds: 0.001, shapes: [] },
    ],
  });
  assertEquals(countedTimes(events, [true, false]).operators.map(({ kernel }) => kernel), ["add"]);
});

Deno.test("the binding for JavaScript refuses to profile", async () => {
  const backend = onnxBackend({ way: javascriptWay("test"), profiler: new OnnxProfiler("") });
  const g = new GraphBuilder(), x = g.input("x", [1, 1]), { y } = g.run(linear, { x, w: x });
  await assertRejects(() => backend.compile(g.finish({ y }), "test"), Error, "its C interface is needed");
});
