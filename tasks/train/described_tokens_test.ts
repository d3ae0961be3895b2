/** `new_special_tokens_config` and `init_special_tokens` from the YAML to the saved rows. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { openModel, type WeightSource } from "../../formats/hf_model/mod.ts";
import { parseYaml } from "../../formats/yaml/yaml.ts";
import { withEmbeddingChange } from "../../kernels/engine/weights/embedding_change.ts";
import { decoderIn, readTensors } from "../../tests/helpers/tiny_model.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { TINY_QWEN, trainAddingTokens, writeRowsWithTokens } from "./_added_tokens_run.ts";
import { readTrainConfig, resolveTrainConfig } from "./config/mod.ts";

interface Rows {
  rows: number;
  ids: number[];
  embedding: number[][];
  head: number[][];
  texts: Record<string, number[]>;
}

// LLaMA-Factory's own resize_embedding_layer (make_new_tokens.py)
const golden = JSON.parse(Deno.readTextFileSync(
  new URL("../../fixtures/goldens/llamafactory/new_tokens.json", import.meta.url),
)) as { tokens: Record<string, string>; tied: Rows; apart: Rows };

/** Keys of a run that saves rows as they begin: a step of rate 0. */
const AS_BEGUN = { add_tokens: "", add_special_tokens: "", learning_rate: 0, max_steps: 1 };

/** The folder with the tokens' file as YAML, and the file. */
function prepared(): { folder: string; file: string } {
  const folder = temporaryFolder(), file = join(folder, "tokens_cfg.yaml");
  writeRowsWithTokens(folder);
  const lines = Object.entries(golden.tokens).map(([token, text]) => `"${token}": "${text}"`);
  Deno.writeTextFileSync(file, `# tokens\n${lines.join("\n")}\n`);
  return { folder, file };
}

function savedRows(folder: string, ids: readonly number[]) {
  const tensors = readTensors(join(folder, "adapter_model.safetensors")), width = 32;
  return Object.fromEntries(
    ["embed_tokens", "lm_head"].map((name) => {
      const values = tensors[`base_model.model.${name === "lm_head" ? name : `model.${name}`}.weight`]!;
      return [name, ids.map((id) => [...values.subarray(id * width, (id + 1) * width)])];
    }),
  );
}

function assertRows(found: number[][], expected: number[][], limit: number): void {
  assertEquals(found.length, expected.length);
  found.forEach((row, r) => row.forEach((value, i) => assertAlmostEquals(value, expected[r]![i]!, limit)));
}

Deno.test("tokens of new_special_tokens_config begin as LLaMA-Factory's desc_init has them, with the noise of the seed where it is asked for", async () => {
  const { folder, file } = prepared(), { ids, embedding, head } = golden.tied;
  const keys = { ...AS_BEGUN, new_special_tokens_config: file };
  const said = await trainAddingTokens(folder, "plain", { ...keys, init_special_tokens: "desc_init" });
  assert(said.some((line) => line.includes("<plan> (304), </plan> (305), <none> (306)")), said.join("\n"));
  const { embed_tokens, lm_head } = savedRows(join(folder, "plain"), ids);
  assertRows(embed_tokens!, embedding, 1e-7);
  assertRows(lm_head!, head, 1e-7);

  await trainAddingTokens(folder, "noisy", { ...keys, init_special_tokens: "desc_init_w_noise" });
  const noisy = savedRows(join(folder, "noisy"), ids).embed_tokens!;
  const noise = noisy.flatMap((row, r) => row.map((value, i) => value - embedding[r]![i]!));
  // 96 numbers of deviation 1/√32: their deviation is within a third of it
  const deviation = Math.sqrt(noise.reduce((sum, value) => sum + value ** 2, 0) / noise.length) *
    Math.sqrt(32);
  assert(deviation > 0.67 && deviation < 1.33, `${deviation}`);
  await trainAddingTokens(folder, "again", { ...keys, init_special_tokens: "desc_init_w_noise" });
  assertEquals(savedRows(join(folder, "again"), ids).embed_tokens, noisy);
});

Deno.test("a head of its own begins as the embedding's rows, as LLaMA-Factory's does, or its own mean where a text has no token", async () => {
  const { weights: stored } = await openModel(TINY_QWEN),
    { rows, ids, texts, embedding, head } = golden.apart;
  const { vocabSize, hiddenSize: width, ...others } = decoderIn(TINY_QWEN);
  // numpy's linspace(-1, 1)
  const ramp = Float32Array.from(
    { length: vocabSize * width },
    (_, i) => -1 + 2 * i / (vocabSize * width - 1),
  );
  const weights = {
    ...stored,
    rows: stored.rows,
    read: (name: string) => name === "lm_head.weight" ? ramp : stored.read(name),
  } as WeightSource;
  const described = {
    rows: Object.values(texts).map((of, i) => ({ row: ids[i]!, of })),
    isNoisy: false,
  };
  const grown = withEmbeddingChange(
    weights,
    { stored: { vocabSize, tieWordEmbeddings: false }, seed: 1, described },
    { ...others, vocabSize: rows, hiddenSize: width, tieWordEmbeddings: false },
  );
  for (const [name, expected] of [["model.embed_tokens", embedding], ["lm_head", head]] as const) {
    const values = grown.read(`${name}.weight`);
    assertRows(ids.map((id) => [...values.subarray(id * width, (id + 1) * width)]), expected, 1e-7);
  }
  stored.close();
});

Deno.test("run.yaml has the tokens and texts, so that it needs no file, and a changed text is a change to what goes on", async () => {
  const { folder, file } = prepared();
  const keys = { ...AS_BEGUN, new_special_tokens_config: file, init_special_tokens: "desc_init" };
  await trainAddingTokens(folder, "out", { ...keys, max_steps: 2 });
  Deno.writeTextFileSync(file, '"<plan>": "another text"\n"</plan>": end\n"<none>": ""\n');
  await assertRejects(
    () =>
      trainAddingTokens(folder, "on", {
        ...keys,
        resume_from_checkpoint: join(folder, "out", "checkpoint-2"),
      }),
    RangeError,
    "new_special_tokens_config: ",
  );
  Deno.removeSync(file);
  const { config, notes } = readTrainConfig(join(folder, "out", "run.yaml"));
  assertEquals(config.new_special_tokens_config, golden.tokens);
  assertEquals(config.add_special_tokens, Object.keys(golden.tokens));
  assertEquals(notes.filter((note) => note.includes("special_tokens")), []);
});

Deno.test("what is wrong with new tokens' texts is told with file, token and value", () => {
  const folder = temporaryFolder();
  const written = (text: string) => {
    const path = join(folder, "tokens.yaml");
    Deno.writeTextFileSync(path, text);
    return `new_special_tokens_config: ${path}`;
  };
  const resolve = (more: string) =>
    resolveTrainConfig(parseYaml(
      `model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\n${more}\n`,
      "t.yaml",
    ));
  const refused = (more: string, text: string) => assertThrows(() => resolve(more), RangeError, text);
  refused(written('"<a>": 3'), "needs a text that says what it means: current value is 3");
  refused(written("- a"), "tokens.yaml has to be a map");
  refused(written(""), "tokens.yaml is empty");
  refused(written("# nothing yet\n"), "as it names no token");
  refused("new_special_tokens_config: {}", "as it names no token");
  refused(written('"": text'), 'as a token needs characters: current value is ""');
  refused(written('"<a>": one\n"<a>": two'), "tokens.yaml:2:1");
  // Latin-1
  const latin = written("");
  Deno.writeFileSync(
    join(folder, "tokens.yaml"),
    Uint8Array.from('"<a>": caf\xe9\n', (c) => c.charCodeAt(0)),
  );
  refused(latin, "it is not UTF-8");
  refused("new_special_tokens_config: missing.yaml", "there is no file missing.yaml");
  refused("init_special_tokens: desc_init", "without new_special_tokens_config, whose texts it takes");
  const { config, notes } = resolve(`${written('"<a>": text')}\nadd_special_tokens: <b>`);
  assertEquals(config.add_special_tokens, ["<a>"]);
  assert(notes.some((note) => note.startsWith("add_special_tokens: <b>: not used")), notes.join("\n"));
});
