import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { idsExample, tinyAdapter, tinyModel } from "../../tests/helpers/tiny_model.ts";
import { webgpuBackend } from "../backends/webgpu/mod.ts";
import { hasRoom, sharesHostMemory } from "../backends/webgpu/device/room.ts";
import { testWebGpu } from "../testing/backends.ts";
import { linearModules } from "./decoder/decoder.ts";
import type { LabelMeasure } from "./forward.ts";
import { Engine } from "./engine.ts";
import { packExamples } from "./packs/pack.ts";
import { choosePackRows, packBytes, packRowsText } from "./pack_rows.ts";

const { name: title, ignore } = await testWebGpu();
const { config: tiny, weights } = tinyModel("llama");
const { modules, initial } = tinyAdapter("llama", tiny);
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
    tieWordEmbeddings: true,
    slidingWindow: Array(30).fill(null),
  },
  tuning: {
    type: "lora",
    modules: Object.fromEntries(
      Array.from(
        { length: 30 },
        (_, i) => linearModules({}).map((module) => [`model.layers.${i}.${module}`, { rank: 8, scale: 2 }]),
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
  assertEquals([large.rows, large.together], [8192, 16 * 8192]);
  assertStringIncludes(packRowsText(large), "at most 8,192 rows a pack: the GPU has the ");
  // Memory that isn't taken yet counts too.
  assertEquals(asked, [gib + packBytes(settings, 8192), gib + packBytes(settings, 8192, 16)]);
  const middle = await choosePackRows(device(packBytes(settings, 4096)), settings);
  assertEquals(middle.rows, 4096);
  assertStringIncludes(middle.why, "8,192 rows may take");
  assertEquals((await choosePackRows(device(packBytes(settings, 2048) - 1), settings)).rows, 1024);
  assertEquals(await choosePackRows({}, settings), {
    rows: 1024,
    together: 1024,
    why: "longer packs gain nothing on a CPU",
  });
});

Deno.test("choosePackRows() keeps as many packs at once as the device has memory for, and no more than are worth a wait", async () => {
  const settings = { ...SMOLLM2, checkpointing: true };
  const device = (free: number) => ({ holds: (bytes: number) => Promise.resolve(bytes <= free) });
  const together = async (free: number, given?: number, of: typeof settings = settings) =>
    (await choosePackRows(device(free), of, 0, given)).together;
  // 2 · 135 million parameters · 8,192 rows are 2.2e12 operations, so ten such packs are what 2e13 are worth.
  assertEquals(await together(Infinity), 10 * 8192);
  assertEquals(await together(packBytes(settings, 8192, 8)), 8 * 8192);
  assertEquals(await together(packBytes(settings, 8192, 8) - 1), 4 * 8192);
  assertEquals(await together(packBytes(settings, 8192)), 8192);
  // Short packs that were asked for: sixteen are the most that is tried.
  assertEquals(await together(Infinity, 512), 16 * 512);
  assertEquals(await together(packBytes(settings, 512, 2), 512), 1024);
  // Where nothing says what a device holds: a pack of the usual size; in the host's memory nothing is waited for.
  for (const [hostMemory, rows] of [[false, 1024], [true, 512]] as const) {
    assertEquals((await choosePackRows({ hostMemory }, settings, 0, 512)).together, rows);
  }
  // A pack of a model of some 7 billion parameters is more than a wait is worth by itself: nothing is asked for.
  const { config } = settings, large = { ...config, hiddenSize: 4096, intermediateSize: 14336, numHeads: 32 };
  const asked: number[] = [];
  const seven = await choosePackRows({
    holds: (bytes) => {
      asked.push(bytes);
      return Promise.resolve(true);
    },
  }, { ...settings, config: { ...large, headDim: 128, numKeyValueHeads: 8 } });
  assertEquals([seven.together, asked.length], [8192, 1]);
  assertStringIncludes(
    packRowsText({ rows: 8192, together: 81920, why: "because" }),
    "at most 8,192 rows a pack: because (micro_batch_tokens sets it); packs of up to 81,920 rows share a wait for the device",
  );
});

Deno.test("packBytes() of several packs adds what each keeps, and nothing of what works on one at a time", () => {
  const of = (checkpointing: boolean, packs: number) => packBytes({ ...SMOLLM2, checkpointing }, 8192, packs);
  for (const checkpointing of [true, false]) {
    const one = of(checkpointing, 1), each = of(checkpointing, 2) - one;
    assertEquals(of(checkpointing, 5), one + 4 * each);
  }
  // With checkpointing a block's input of 576 numbers a row, of 30 blocks, and two more rows of the head; twice that is asked for.
  assertEquals(of(true, 2) - of(true, 1), 2 * 4 * 8192 * 576 * (30 + 2));
});

Deno.test("packBytes() counts gradients of every layer twice, and logits of a chunk of labels", () => {
  // with no pack kept a further layer of the same kind adds its gradients alone
  const of = (numLayers: number, vocabSize = 49152) => {
    const config = { ...SMOLLM2.config, numLayers, vocabSize, slidingWindow: Array(numLayers).fill(null) };
    const modules = Object.fromEntries(
      Array.from(
        { length: numLayers },
        (_, i) =>
          linearModules(config).map((name) => [`model.layers.${i}.${name}`, { rank: 8, scale: 2 }] as const),
      ).flat(),
    );
    return packBytes({ config, tuning: { ...SMOLLM2.tuning, modules }, checkpointing: true }, 1024, 0);
  };
  // of rank 8, in and out: q and o 576 and 576, k and v 576 and 192, the MLP's three 576 and 1536; twice, as all is
  const perLayer = 8 * (2 * (576 + 576) + 2 * (576 + 192) + 3 * (576 + 1536));
  assertEquals(of(30) - of(29), 2 * 2 * 4 * perLayer);
  // 12 bytes for each of 512 labels and of 8,192 words at most
  assertEquals(of(30, 4000) - of(30, 3000), 2 * 12 * 512 * 1000);
  assertEquals(of(30, 49152) - of(30, 8192), 0);
});

Deno.test("packBytes() counts all logits of a chunk where the loss measures labels' distributions", () => {
  const of = (labelMeasure?: LabelMeasure, packs = 0) =>
    packBytes({ ...SMOLLM2, checkpointing: true, labelMeasure }, 1024, packs);
  // of 128 labels and 49,152 words; those of a divergence are the model's, the reference's and the gradient; twice, as all is
  const logits = 2 * 4 * 128 * 49_152, plain = of() - 2 * 12 * 512 * 8192;
  const entropy = of("top_entropy") - plain, divergence = of("divergence") - plain;
  assert(entropy >= logits && entropy < 2 * logits, `${entropy / logits}`);
  assert(divergence >= 3 * logits && divergence < 4 * logits, `${divergence / logits}`);
  // and the reference's rows, and gradients of labels by the divergence, are kept with each pack
  const kept = of("divergence", 1) - of("divergence"), before = of(undefined, 1) - of();
  assertEquals(kept - before, 2 * 2 * 4 * 1024 * 576);
  assertEquals(of("top_entropy", 1) - of("top_entropy"), before);
});

Deno.test("packBytes() is what an H100 was seen to take, and less with checkpointing", () => {
  // 11,831 MiB at 8,192 rows, 0.8 GB of them the process's own, weights and training state (docs/performance_webgpu.md).
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
    for (const labelMeasure of [undefined, "top_entropy", "divergence"] as const) {
      const measure = labelMeasure && { measure: labelMeasure };
      const given = await engine.forward(pack, { adapter: true, keep: true, ...measure });
      const weighed = labelMeasure === "top_entropy" ? given.length / 2 : given.length;
      await engine.backward(new Float64Array(weighed).fill(-1));
      const taken = backend.stats().bytes - before;
      const counted = packBytes({ ...options, labelMeasure }, pack.ids.length);
      // Twice what is counted is asked for, and logits of a chunk that this pack doesn't fill.
      assert(taken <= counted && taken > counted / 5, `${labelMeasure}: ${taken} taken, ${counted} counted`);
    }
    await engine.dispose();
  },
});
