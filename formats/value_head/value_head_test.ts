import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { SafetensorsFile, writeSafetensors } from "../safetensors/mod.ts";
import { readValueHead, VALUE_HEAD_FILE, valueHeadDropout, writeValueHead } from "./value_head.ts";

const [BIAS, WEIGHT] = ["v_head.summary.bias", "v_head.summary.weight"];
const head = () => ({
  "v_head.summary.weight": Float32Array.of(0.5, -1, 2),
  "v_head.summary.bias": Float32Array.of(0.25),
});

Deno.test("a value head is read back as it was written, under trl's names and shapes; a folder without one has none", () => {
  const folder = temporaryFolder();
  assertEquals(readValueHead(folder, 3), null);
  assertEquals(writeValueHead(folder, 3, { ...head(), other: Float32Array.of(1) }), "value_head.safetensors");
  assertEquals(readValueHead(folder, 3), head());
  using file = new SafetensorsFile(join(folder, VALUE_HEAD_FILE));
  assertEquals([...file.tensors].map(([name, { shape, dtype }]) => [name, shape, dtype]).sort(), [
    [BIAS, [1], "F32"],
    [WEIGHT, [1, 3], "F32"],
  ]);
});

Deno.test("readValueHead() reads LLaMA-Factory's file", () => {
  const folder = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;
  const read = readValueHead(folder, 32)!;
  // make_reward_runs.py of the goldens
  assertEquals(read["v_head.summary.bias"], Float32Array.of(0.125));
  assertEquals(read["v_head.summary.weight"]!.length, 32);
});

Deno.test("readValueHead() refuses another width, a missing tensor and PyTorch's pickle, and says what to do", () => {
  const folder = temporaryFolder();
  writeValueHead(folder, 3, head());
  assertThrows(() => readValueHead(folder, 4), TypeError, '"v_head.summary.weight" needs to be [1,4]');
  const file = join(folder, VALUE_HEAD_FILE);
  writeSafetensors(file, [{ name: WEIGHT, dtype: "F32", shape: [1, 3], data: () => new Float32Array(3) }]);
  assertThrows(() => readValueHead(folder, 3), RangeError, 'it has no tensor "v_head.summary.bias"');
  Deno.removeSync(file);
  Deno.writeTextFileSync(join(folder, "value_head.bin"), "pickle");
  assertThrows(() => readValueHead(folder, 3), RangeError, "value_head.bin is PyTorch's pickle");
});

Deno.test("the dropout of a value head is config.json's summary_dropout_prob, none for null, trl's 0.1 without, and in [0, 1)", () => {
  assertEquals(valueHeadDropout({}), 0.1);
  for (const [given, rate] of [[0, 0], [0.25, 0.25], [null, 0]] as const) {
    assertEquals(valueHeadDropout({ summary_dropout_prob: given }), rate);
  }
  for (const rate of [1, -0.1, "0.1", true]) {
    assertThrows(() => valueHeadDropout({ summary_dropout_prob: rate }), RangeError, "[0, 1)");
  }
});
