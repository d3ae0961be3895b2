/** Memory of sessions: our own constants, none that grows, an arena that they share. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { runDeno } from "../../../../tests/helpers/deno_process.ts";
import { OrtBinding, OrtMemory, OrtTensor } from "./mod.ts";
import { node, type SmallModel } from "./_test_model.ts";
import { FLOAT, floatsOf, library, libraryTest, openProduct, openSmall, tensorOver } from "./_sessions.ts";

libraryTest("constants of a model are our own memory, without a file", () => {
  const place = { location: "nowhere.bin", offset: 0, length: 1024 };
  const model: SmallModel = {
    nodes: [node("Add", ["x", "c"], ["y"])],
    inputs: [["x", FLOAT, [256]]],
    outputs: [["y", FLOAT, [256]]],
    initializers: [{
      name: "c",
      dims: [256],
      dataType: FLOAT,
      dataLocation: 1,
      externalData: Object.entries(place).map(([key, value]) => ({ key, value: String(value) })),
    }],
  };
  assertThrows(() => openSmall(model), Error, "Cannot make a session");
  using c = tensorOver(Array.from({ length: 256 }, (_, i) => i), [256]);
  using session = openSmall(model, { initializers: { c } });
  using x = tensorOver(Array(256).fill(0.5), [256]);
  using y = tensorOver(Array(256).fill(0), [256]);
  session.run({ x }, { y });
  assertEquals(floatsOf(y), Array.from({ length: 256 }, (_, i) => i + 0.5));
});

libraryTest("memory is flat over runs, errors and sessions", () => {
  using memory = new OrtMemory(library!, "Cpu");
  const size = 256;
  const round = () => {
    using session = openProduct();
    using w = tensorOver([2, 0, 0, 3], [2, 2]);
    using wrong = tensorOver([1], [1, 1]);
    for (let i = 0; i < 20; i++) {
      using x = OrtTensor.over(library!, new Float32Array(size * size), [size * size / 2, 2], "f32");
      using binding = new OrtBinding(session).bindInput("x", x).bindInput("w", w).bindOutput("y", memory);
      binding.run();
      using made = binding.outputs().y!;
      assertEquals(made.bytes().length, 4 * size * size);
      assertThrows(() => session.run({ x: wrong, w }, { y: wrong }));
    }
  };
  for (let i = 0; i < 10; i++) round();
  // A leaked output is 256 kB a run: 400 MiB. Garbage that waits for its collection took up to 63 MiB. Other test files share the
  // process, and may take what they like in between: a leak is there each time.
  const grown: number[] = [];
  do {
    const before = Deno.memoryUsage().rss;
    for (let i = 0; i < 80; i++) round();
    grown.push((Deno.memoryUsage().rss - before) / 2 ** 20);
  } while (grown.length < 5 && Math.min(...grown) >= 150);
  assert(Math.min(...grown) < 150, `${grown} MiB more after 1,600 runs each`);
});

libraryTest(
  "sessions with a shared arena hold what the largest of their runs takes, others each their own",
  async () => {
    const child = new URL("./_arena_child.ts", import.meta.url);
    const { stdout, stderr } = await runDeno(["run", "-A", "--no-check", child.href]);
    const own = 2 ** 20, values = 2 * 65_536;
    assertEquals(
      stdout.trim(),
      JSON.stringify([
        [[0, 0], [own, 0], [own, own]],
        [[0, 0], [values, values], [values, values]],
        // The arena is there for sessions that are made later.
        [[values, values], [values, values], [values, values]],
        512, // (1 + 1)·16·16
      ]),
      stderr,
    );
  },
);
