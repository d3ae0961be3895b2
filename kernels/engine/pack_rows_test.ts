import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { idsExample, tinyAdapter, tinyModel } from "../../tests/helpers/tiny_model.ts";
import { webgpuBackend } from "../backends/webgpu/mod.ts";
import { hasRoom, sharesHostMemory } from "../backends/webgpu/room.ts";
import { testWebGpu } from "../testing/backends.ts";
import { LINEAR_MODULES } from "./decoder.ts";
import { Engine } from "./engine.ts";
import { packExamples } from "./pack.ts";
import { choosePackRows, packBytes, packRowsText } from "./pack_rows.ts";

const { name: title, ignore } = await testWebGpu();
const { config: tiny, weights } = tinyModel("llama");
const { modules, initial } = tinyAdapter("llama", tiny, LINEAR_MODULES);
const tuning = { type: "lora", modules, dropout: 0 } as const;

/** SmolLM2-135M with LoRA of rank 8. */
const SMOLLM2 = {
  config: {
    ...tiny,
    hiddenSize: 576,
    intermediateSize: 1536,
    numLayers: 30,
    numHeads: 9,
    numKeyValueHeads: 3,
    headDim: 64,
    vocabSize: 49152,
    slidingWindow: Array(30).fill(null),
  },
  tuning: {
    type: "lora",
    modules: Object.fromEntries(
      Array.from(
        { length: 30 },
        (_, i) => LINEAR_MODULES.map((module) => [`model.layers.${i}.${module}`, { rank: 8, scale: 2 }]),
      ).flat(),
    ),
    dropout: 0,
  },
} as const;

Deno.test("choosePackRows() takes the most rows whose memory the device gives, and says what and why", async () => {
  const asked: number[] = [], settings = { config: tiny, tuning, checkpointing: false };
  const device = (free: number) => ({
    holds: (bytes: number) => {
      asked.push(bytes);
      return Promise.resolve(bytes <= free);
    },
  });
  const gib = 2 ** 30;
  const large = await choosePackRows(device(60 * gib), settings, gib);
  assertEquals([large.rows, asked.length], [8192, 1]);
  assertStringIncludes(packRowsText(large), "at most 8,192 rows a pack: the GPU has the ");
  // Memory that isn't taken yet counts too.
  assertEquals(asked, [gib + packBytes(settings, 8192)]);
  const middle = await choosePackRows(device(packBytes(settings, 4096)), settings);
  assertEquals(middle.rows, 4096);
  assertStringIncludes(middle.why, "8,192 rows may take");
  assertEquals((await choosePackRows(device(packBytes(settings, 2048) - 1), settings)).rows, 1024);
  assertEquals(await choosePackRows({}, settings), { rows: 1024, why: "longer packs gain nothing on a CPU" });
});

Deno.test("packBytes() is what an H100 was seen to take, and less with checkpointing", () => {
  // 11,831 MiB at 8,192 rows, 0.8 GB of them the process's own, weights and training state (docs/performance.md).
  const seen = (11_831 - 800) * 2 ** 20, bytes = packBytes({ ...SMOLLM2, checkpointing: false }, 8192);
  assert(bytes > seen && bytes < 1.2 * seen, `${bytes / seen} of what was seen`);
  assert(packBytes({ ...SMOLLM2, checkpointing: true }, 8192) < bytes / 4);
});

Deno.test("sharesHostMemory() knows GPUs that have memory of their own", () => {
  const shares = (description: string) => sharesHostMemory({ description, vendor: "" });
  const own = [
    "NVIDIA H100 80GB HBM3",
    "NVIDIA GeForce RTX 4060 Laptop GPU",
    "AMD Radeon RX 7900 XTX (RADV NAVI31)",
    "AMD Radeon Pro W7900",
    "Intel(R) Arc(tm) A770 Graphics (DG2)",
  ];
  const shared = [
    "Apple M3",
    "Intel(R) Iris(R) Xe Graphics",
    "AMD Radeon Graphics (RADV RENOIR)",
    "NVIDIA Tegra Orin (nvgpu)",
    "",
  ];
  assertEquals(own.filter(shares), []);
  assertEquals(shared.filter((name) => !shares(name)), []);
});

Deno.test("hasRoom() refuses half of a host's memory to a GPU without its own, and what an adapter refuses", async () => {
  const log: string[] = [];
  const gpu = (least: number) =>
    ({
      requestAdapter: () =>
        Promise.resolve({
          limits: { maxBufferSize: 2 ** 31 },
          requestDevice: () => {
            let asked = 0;
            return Promise.resolve({
              pushErrorScope: () => {},
              popErrorScope: () => Promise.resolve(asked > least ? new Error("no memory") : null),
              createBuffer: ({ size }: { size: number }) => asked += size,
              destroy: () => log.push("destroyed"),
              lost: Promise.resolve(),
            });
          },
        }),
    }) as unknown as GPU;
  const nvidia = { description: "NVIDIA H100", vendor: "" }, apple = { description: "Apple M3", vendor: "" };
  assertEquals(await hasRoom(nvidia, 5e9, gpu(6e9), () => 0), true);
  assertEquals(await hasRoom(nvidia, 7e9, gpu(6e9), () => 0), false);
  assertEquals(log, ["destroyed", "destroyed"]);
  assertEquals(await hasRoom(apple, 5e9, gpu(6e9), () => 11e9), true);
  assertEquals(await hasRoom(apple, 5e9, gpu(6e9), () => 9e9), false);
  assertEquals(await hasRoom(apple, 1, gpu(6e9), () => null), false);
});

Deno.test({
  name: `packBytes() is enough for a pack on a device (${title})`,
  ignore,
  fn: async () => {
    const backend = await webgpuBackend();
    const options = { config: tiny, tuning, checkpointing: false };
    const engine = new Engine(backend, options, (name) => weights[name]!, initial);
    const ids = Array.from({ length: 200 }, (_, i) => i * 7 % tiny.vocabSize);
    const pack = packExamples([idsExample({ s: [ids.slice(0, 195), ids.slice(195)] })]);
    const before = backend.stats().bytes;
    const logps = await engine.forward(pack, { adapter: true, keep: true });
    await engine.backward(new Float64Array(logps.length).fill(-1));
    const taken = backend.stats().bytes - before, counted = packBytes(options, pack.ids.length);
    // Twice what is counted is asked for, and logits of a chunk that this pack doesn't fill.
    assert(taken <= counted && taken > counted / 5, `${taken} taken, ${counted} counted`);
    await engine.dispose();
  },
});
