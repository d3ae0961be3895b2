import { assertEquals } from "@std/assert";
import { idsExample, tinyAdapter, tinyModel } from "../../tests/helpers/tiny_model.ts";
import { referenceBackend } from "../backends/reference/mod.ts";
import { EngineHost } from "./host.ts";
import { packExamples } from "./packs/pack.ts";

Deno.test("isIdentity() is known from the values given, without a download: at the start, behind steps and behind a restore", async () => {
  const { config, weights } = tinyModel("llama");
  const { modules, initial } = tinyAdapter("llama", config);
  const fresh = Object.fromEntries(
    Object.entries(initial).map((
      [name, values],
    ) => [name, name.includes("lora_B") ? values.map(() => 0) : values]),
  );
  let downloads = 0;
  const own = referenceBackend();
  const setup = (given: typeof initial) => ({
    modelPath: "",
    decoder: config,
    tuning: { type: "lora", modules, dropout: 0 } as const,
    initial: given,
    checkpointing: true,
    seed: 0,
    device: { backend: "reference", provider: "cpu", threads: null } as const,
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 } as const,
  });
  // As a device: tensors aren't the host's.
  const backend = {
    ...own,
    hostMemory: false,
    download: (tensor: Parameters<typeof own.download>[0]) => {
      downloads++;
      return own.download(tensor);
    },
  };
  const host = (given: typeof initial) => new EngineHost(backend, setup(given), (name) => weights[name]!);
  const engine = host(fresh),
    saved = await engine.trained(),
    pack = packExamples([idsExample({ s: [[1, 2], [3]] })]);
  const step = async (rate: number) => {
    const { length } = await engine.forward(pack, { adapter: true, keep: true });
    await engine.backward(new Float64Array(length).fill(-1));
    await engine.step(rate, 1);
  };
  downloads = 0;
  assertEquals([await engine.isIdentity(), await host(initial).isIdentity(), await host({}).isIdentity()], [
    true,
    false,
    true,
  ]);
  assertEquals(downloads, 0);
  // A warmup begins at rate 0. A step waits for the labels and for the norm, once each.
  await step(0);
  assertEquals([await engine.isIdentity(), downloads], [true, 2]);
  await step(1e-3);
  assertEquals([await engine.isIdentity(), downloads], [false, 4]);
  await engine.restore(saved, null);
  assertEquals([await engine.isIdentity(), downloads], [true, 4]);
  await engine.restore(initial, null);
  assertEquals([await engine.isIdentity(), downloads], [false, 4]);
  await engine.close();
});
