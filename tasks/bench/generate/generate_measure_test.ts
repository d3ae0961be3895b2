import { assertAlmostEquals, assertEquals } from "@std/assert";
import { generateBenchText } from "./generate.ts";
import { FIRST_TOKEN, measureContinuer } from "./generate_measure.ts";

Deno.test("measureContinuer() counts tokens by a clock: prompts take a millisecond a token, steps ten", async () => {
  let now = 0;
  const clock = performance.now, log = console.log, lines: unknown[] = [];
  performance.now = () => now;
  console.log = (line) => lines.push(line);
  try {
    const prompts: string[] = [];
    const figures = await measureContinuer({
      continue: async (stream, ids, count, onToken) => {
        prompts.push(ids.slice(0, 8).join());
        now += ids.length;
        for (let i = 0; i < count; i++) {
          if (i > 0) now += stream === null ? 10 : 5;
          onToken();
          if (stream !== null) await Promise.resolve();
        }
      },
    }, { prompt: 64, steps: 16, streams: 2, vocabulary: 49_152 });
    assertEquals(lines, [FIRST_TOKEN]);
    // Ten milliseconds a token, the first one left out.
    for (const speed of [figures.decodeAfter32, figures.decodeAfterPrompt, figures.repeating]) {
      assertAlmostEquals(speed, 100, 1e-9);
    }
    assertAlmostEquals(figures.prompt, 1000, 1e-9);
    // Two in turns at five milliseconds a token.
    assertAlmostEquals(figures.streams, 200, 15);
    assertEquals(new Set(prompts).size, prompts.length, "no two prompts begin alike");
  } finally {
    [performance.now, console.log] = [clock, log];
  }
});

Deno.test("generateBenchText() shows ratios beside the goals", () => {
  const figures = { decodeAfter32: 200, decodeAfterPrompt: 150, prompt: 1000, streams: 400, repeating: 300 };
  const ours = { ...figures, memory: 300, memoryOfStreams: 480, start: 0.6 };
  const peer = { ...figures, decodeAfter32: 100, memory: 400, memoryOfStreams: 400, start: 0.5 };
  const bench = {
    model: "m.gguf",
    device: { backend: "onnx", provider: "cpu", threads: null },
    quantization: "stored",
    prompt: 512,
    steps: 64,
    streams: 8,
    rounds: 1,
    against: true,
  } as const;
  const text = generateBenchText(bench, { backend: "onnx", ours, llamaCpp: peer });
  assertEquals(text.includes("| tokens/s after 32 | 200 | 100 | 2.00 | ≥ 1.5 |"), true, text);
  assertEquals(text.includes("| MiB of one stream | 300 | 400 | 0.75 | ≤ 1.2 |"), true, text);
  assertEquals(generateBenchText(bench, { backend: "onnx", ours, llamaCpp: null }).includes("goal"), false);
});
