/**
 * Keys of our own, which LLaMA-Factory doesn't have.
 * @module
 */
import { z } from "zod";

import { bool, int, map, oneOf, orNull, text } from "../value_types.ts";
import { keyRows } from "./row.ts";

/** Their rows. */
export function ownKeys() {
  const row = keyRows("own");
  return {
    iopo_variant: row(
      oneOf(["full", "without_output_preference", "without_input_preference", "first_group_only"]),
      "full",
      "stage iopo: all of the loss, or one of the ablations of its paper",
    ),
    loss: row(orNull(text()), null, "loss plugin instead of the one that stage and pref_loss name"),
    loss_options: row(map(), {}, "options of loss"),
    template_options: row(map(), {}, "options of template that have no key of their own"),
    trainer: row(text(), "local", "trainer plugin"),
    trainer_options: row(map(), {}, "options of trainer"),
    plugins: row(
      {
        kind: "list",
        words: "a list of paths",
        schema: z.union([z.string().transform((path) => [path]), z.array(z.string())]),
      },
      [],
      "modules with plugins of your own, relative to the YAML file",
    ),
    truncation: row(
      oneOf(["llama_factory", "keep_template", "keep_start", "keep_end", "drop"]),
      "llama_factory",
      "what happens to a sequence longer than cutoff_len: cut as LLaMA-Factory does, cut but never the assistant header, cut as a whole to its beginning or end as TRL does, or left out; always counted",
    ),
    backend: row(
      oneOf(["auto", "onnx", "webgpu", "reference"]),
      "auto",
      "what runs the kernels; auto: webgpu where a GPU passes its self-test, else onnx",
    ),
    provider: row(
      oneOf(["cpu", "cuda", "webgpu"]),
      "cpu",
      "execution provider of the onnx backend; a missing one is an error; what cuda needs is in docs/cuda.md",
    ),
    cuda_tensors: row(
      oneOf(["host", "device"]),
      "host",
      "provider cuda: host makes all blocks one program that holds the weights, device keeps every tensor there and runs block by block " +
        "(docs/cuda.md)",
    ),
    threads: row(orNull(int(1)), null, "threads of one matrix product", {
      derived: "the variable OMP_NUM_THREADS, or the number of processors",
    }),
    micro_batch_tokens: row(
      orNull(int(1)),
      null,
      "most tokens that go through the model at once: bounds memory, doesn't change what is learnt",
      { derived: "1024; on a GPU what fits its memory, up to 8192" },
    ),
    step_mean: row(
      oneOf(["micro_batches", "examples"]),
      "micro_batches",
      "preference stages: the loss of a step is the mean of its micro-batches' means, as in transformers, or of its examples; " +
        "they differ where an epoch's last micro-batch isn't full",
    ),
    data_cache_dir: row(orNull(text()), null, "folder of encoded data", {
      derived: "dinotune in the user's cache folder",
    }),
    llamafactory_version: row(
      orNull(oneOf(["0.9.5"])),
      null,
      "repeat a run of that version where it did something else than its keys say: 0.9.5 trains pref_loss hinge with the " +
        "sigmoid, ipo with the sigmoid of log-ratios per token",
    ),
    allow_changes: row(
      bool(),
      false,
      "continue although data or configuration changed since the checkpoint or run.yaml was written",
    ),
  };
}
