import { assertEquals } from "@std/assert";
import { runDeno } from "../../../tests/helpers/deno_process.ts";

// A process of its own: the environment belongs to all threads of one, and so to all tests that run at the same time.
Deno.test("the ONNX backend turns the library's telemetry off, leaves no file of constants, and takes OMP_NUM_THREADS", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const script = `import { GraphBuilder } from ${module("../../graph.ts")};
      import { linear } from ${module("../../ops/products/products.ts")};
      import { onnxBackend } from ${module("mod.ts")};
      const files = () => [...Deno.readDirSync(${JSON.stringify(folder)})].map(({ name }) => name);
      const g = new GraphBuilder(), x = g.input("x", ["T", 2]), w = g.input("w", [3, 2]);
      const backend = onnxBackend(), constants = { w: backend.zeros([3, 2]) };
      const program = await backend.compile(g.finish(g.run(linear, { x, w })), "constant", { constants });
      const there = files();
      await program.dispose();
      await backend.dispose();
      const threads = [backend, onnxBackend({ threads: 2 })].map(({ description }) => description.split(", ").slice(-2));
      console.log(JSON.stringify({ telemetry: Deno.env.get("ORT_DISABLE_TELEMETRY"), there, threads }));`;
    // set by the first file of tests that loaded the backend in this process
    const { ORT_DISABLE_TELEMETRY: _, ...variables } = Deno.env.toObject();
    const { stdout } = await runDeno(["run", "-A", "--no-check", "--ext=ts", "-"], {
      clearEnv: true,
      env: { ...variables, TMPDIR: folder, OMP_NUM_THREADS: "5" },
      input: script,
    });
    const { telemetry, there, threads } = JSON.parse(stdout);
    assertEquals(telemetry, "1");
    assertEquals(threads, [["cpu", "5 threads"], ["cpu", "2 threads"]]);
    if (Deno.build.os !== "windows") assertEquals(there, []);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
