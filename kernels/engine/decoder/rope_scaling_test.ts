/** Rotary scaling against transformers (fixtures/goldens/models/make_rope_scaling.py): frequencies, and a model with YaRN trained and answering. */
import { assertAlmostEquals, assertEquals } from "@std/assert";

import { onnxBackend } from "../../mod.ts";
import { models } from "../../../plugins/models/mod.ts";
import { Registry } from "../../../plugins/registry.ts";
import { rampModel, ROPE_SCALING_GOLDEN as golden } from "../../../tests/helpers/ramp_model.ts";
import { idsExample } from "../../../tests/helpers/tiny_model.ts";
import { openLibrary } from "../../backends/onnx/c_api/mod.ts";
import { nativeLibrary } from "../../native/mod.ts";
import { testBackends } from "../../testing/backends.ts";
import { Engine } from "../engine.ts";
import { ProgramEngine } from "../generate/program/engine.ts";
import { prepareWeights } from "../generate/program/prepare.ts";
import { GenerationEngine } from "../generate/blocks/engine.ts";
import { packExamples } from "../packs/pack.ts";

const parse = (config: Record<string, unknown>) =>
  new Registry(models).create("model", "llama").parse({ model_type: "llama", ...config });

function yarnModel() {
  const { config, tensors } = rampModel();
  const weights = Object.fromEntries(tensors.map(({ name, data }) => [name, data()]));
  return { config: parse(config), read: (name: string) => weights[name]! };
}

/** float32 on both sides: some roundings of values of the largest's size. */
function assertClose(actual: ArrayLike<number>, expected: readonly number[], label: string): void {
  assertEquals(actual.length, expected.length);
  const size = Math.max(...expected.map(Math.abs));
  expected.forEach((value, i) => assertAlmostEquals(actual[i]!, value, 2e-5 * size, `${label}, ${i}`));
}

Deno.test("frequencies and attention factors of every kind of scaling are transformers'", () => {
  const sizes = { num_attention_heads: 2, intermediate_size: 32, num_hidden_layers: 2, vocab_size: 97 };
  for (const { config, inv_freq, attention_factor } of golden.cases) {
    const parsed = parse({ hidden_size: 2 * config.head_dim, ...sizes, ...config }),
      label = JSON.stringify(config);
    assertEquals(parsed.inverseFrequencies.length, inv_freq.length);
    parsed.inverseFrequencies.forEach((frequency, i) =>
      assertAlmostEquals(frequency, inv_freq[i], 1e-6 * inv_freq[i], `${label}, frequency ${i}`)
    );
    assertAlmostEquals(parsed.attentionFactor ?? 1, attention_factor, 1e-12, label);
    assertEquals(parsed.rotaryLimit, config.rope_scaling.rope_type === "dynamic" ? 2048 : undefined);
  }
});

for (const backend of await testBackends()) {
  Deno.test({
    name: `a model with YaRN has transformers' log-probabilities and gradients: ${backend.name}`,
    ignore: backend.ignore,
    fn: async () => {
      const { config, read } = yarnModel(), { ids, logps, gradients } = golden.model;
      const engine = new Engine(
        await backend.make(),
        { config, tuning: { type: "full" }, checkpointing: true, body: "blocks", labelChunk: 4 },
        read,
        {},
      );
      const pack = packExamples([idsExample({ s: [[ids[0]], ids.slice(1)] })]);
      const found = await engine.forward(pack, { adapter: true, keep: true });
      assertClose(found, logps, "log-probability");
      await engine.backward(new Float64Array(found.length).fill(1 / found.length));
      const all = await engine.parameters.gradients(), names = [...engine.parameters.trained.keys()];
      for (const [name, expected] of Object.entries<number[]>(gradients)) {
        assertClose(all[names.indexOf(name)]!, expected, name);
      }
      await engine.dispose();
    },
  });
}

const { library, reason } = openLibrary();

Deno.test({
  name: `a model with YaRN answers with transformers' logits, block after block and as one program${
    library === null ? ` (ignored: ${reason})` : ""
  }`,
  ignore: library === null,
  fn: async () => {
    const { config, read } = yarnModel(), { ids, logits } = golden.model;
    const blocks = new GenerationEngine(
      onnxBackend(),
      { config, tuning: { type: "none" } },
      (name) => read(name).slice(),
    );
    assertClose(await blocks.add(ids), logits, "blocks");
    await blocks.dispose();
    const table = read("model.embed_tokens.weight"), width = config.hiddenSize;
    for (const native of new Set([nativeLibrary().path, null])) {
      const folder = Deno.makeTempDirSync();
      const program = new ProgramEngine({
        library: library!,
        config,
        prepared: prepareWeights(config, { read, packed: () => null }, {
          bits: null,
          folder,
          native: native !== null,
        }),
        folder,
        native,
        threads: 2,
        maxBatch: 1,
        embed: (rows) =>
          Float32Array.from(
            Array.from(rows).flatMap((id) => [...table.subarray(id * width, (id + 1) * width)]),
          ),
        release: () => Deno.remove(folder, { recursive: true }),
      });
      assertClose((await program.add(ids)).logits!, logits, `program, ${native}`);
      await program.dispose();
    }
  },
});
