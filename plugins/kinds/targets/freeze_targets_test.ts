import { assert, assertEquals, assertThrows } from "@std/assert";

import { models } from "../../models/mod.ts";
import { Registry } from "../../registry.ts";
import { type FreezeKeys, freezeNotes, freezeTargets } from "./freeze_targets.ts";

/** What LLaMA-Factory 0.9.5 trains of a model (make_freeze_runs.py). */
interface Choice {
  model_type: string;
  layers: number;
  tied: boolean;
  keys: Readonly<Record<string, number | string | boolean>>;
  trained?: string[];
  error?: string;
}

const CHOICES: Choice[] = JSON.parse(
  Deno.readTextFileSync(new URL("../../../fixtures/goldens/llamafactory/freeze.json", import.meta.url)),
);

function decoderOf({ model_type, layers, tied }: Pick<Choice, "model_type" | "layers" | "tied">) {
  return new Registry(models).create("model", model_type).parse({
    model_type,
    ...{ num_hidden_layers: layers, hidden_size: 8, intermediate_size: 8, vocab_size: 16, head_dim: 4 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1, rms_norm_eps: 1e-6, max_position_embeddings: 128 },
    tie_word_embeddings: tied,
  });
}

function keysOf(given: Choice["keys"]): FreezeKeys {
  const list = (name: string, fallback: string[]) =>
    given[name] === undefined ? fallback : `${given[name]}`.split(",");
  return {
    freeze_trainable_layers: Number(given.freeze_trainable_layers),
    freeze_trainable_modules: list("freeze_trainable_modules", ["all"]),
    freeze_extra_modules: list("freeze_extra_modules", []),
    use_llama_pro: given.use_llama_pro === true,
  };
}

Deno.test("freezeTargets() trains the parameters that LLaMA-Factory trains, and refuses where it does", () => {
  for (const choice of CHOICES) {
    const name = `${choice.model_type} ${JSON.stringify(choice.keys)}`;
    const targets = () => freezeTargets(keysOf(choice.keys), decoderOf(choice));
    if (choice.error === undefined) assertEquals(targets().sort(), choice.trained?.toSorted(), name);
    else assertThrows(targets, RangeError, "Cannot train");
  }
  assertEquals(CHOICES.filter(({ error }) => error !== undefined).length, 6);
  assert(CHOICES.some(({ keys, trained }) => keys.use_llama_pro && (trained?.length ?? 0) > 0));
});

const decoder = decoderOf({ model_type: "qwen2", layers: 6, tied: true });

Deno.test("freezeTargets() says which key is wrong, where it was written, and what there is", () => {
  const fault = (keys: Choice["keys"], message: string) =>
    assertThrows(
      () => freezeTargets(keysOf(keys), decoder, (key) => `a.yaml:${key}`),
      RangeError,
      message,
    );
  fault(
    { freeze_trainable_layers: 1, freeze_trainable_modules: "self_atn" },
    'a.yaml:freeze_trainable_modules: Cannot train module "self_atn" - did you mean "self_attn"?: a layer has ',
  );
  fault(
    { freeze_trainable_layers: 1, freeze_extra_modules: "lm_head" },
    'a.yaml:freeze_extra_modules: Cannot train module "lm_head": beside its layers the model has embed_tokens, norm',
  );
  fault(
    { freeze_trainable_layers: 0 },
    "a.yaml:freeze_trainable_layers: Cannot train nothing: current value is freeze_trainable_layers: 0",
  );
  fault(
    { freeze_trainable_layers: 4, use_llama_pro: true },
    "a.yaml:freeze_trainable_layers: Cannot train expanded blocks with freeze_trainable_layers: 4 as it needs a positive number that divides the model's 6 layers",
  );
});

Deno.test("freezeNotes() tells of an extra module that is a part of layers' names as well", () => {
  const notes = (extra: string) =>
    freezeNotes(keysOf({ freeze_trainable_layers: 1, freeze_extra_modules: extra }), decoder);
  assertEquals(notes("embed_tokens"), []);
  const [note] = notes("norm");
  assert(
    note?.startsWith("freeze_extra_modules: norm is a part of names in every layer, such as model.layers.0."),
  );
});
