import { assertEquals } from "@std/assert";

import { idsExample, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { packExamples } from "../packs/pack.ts";
import { startEngine } from "./remote.ts";

Deno.test("startEngine() tells of every tensor that is read, and of every program while it is compiled", async () => {
  const { config, weights } = tinyModel("llama"), told: [string, number, number][] = [];
  const engine = await startEngine({
    modelPath: new URL("../../../fixtures/goldens/tiny/llama/model", import.meta.url).pathname,
    decoder: config,
    tuning: { type: "full" },
    initial: {},
    checkpointing: false,
    seed: 0,
    device: { backend: "onnx", provider: "cpu", threads: 1 },
    optimizer: null,
  }, (...phase) => told.push(phase));
  const count = Object.keys(weights).length;
  assertEquals(told, Array.from({ length: count }, (_, i) => ["reading weights", i + 1, count]));
  const { length } = await engine.forward(packExamples([idsExample({ s: [[1, 2], [3]] })]), {
    adapter: true,
    keep: true,
  });
  await engine.backward(new Float64Array(length).fill(-1));
  await engine.close();
  const compiled = told.slice(count);
  // each begins with 0 and ends with 1, one after the other
  assertEquals(compiled.map(([, done, total]) => [done, total]), compiled.map((_, i) => [i % 2, 0]));
  const names = compiled.filter((_, i) => i % 2 === 0).map(([name]) => name);
  assertEquals(compiled.filter((_, i) => i % 2 === 1).map(([name]) => name), names);
  assertEquals(names.toSorted(), [
    "compiling a block",
    "compiling a block's gradients",
    "compiling the embedding",
    "compiling the embedding's gradients",
    "compiling the head",
    "compiling the head's gradients",
    "compiling the last block",
    "compiling the last block's gradients",
  ]);
});

Deno.test("an engine in a Worker takes over what is put back: nothing of it stays here, and it has all of it", async () => {
  const { config } = tinyModel("llama");
  const engine = await startEngine({
    modelPath: new URL("../../../fixtures/goldens/tiny/llama/model", import.meta.url).pathname,
    decoder: config,
    tuning: { type: "full" },
    initial: {},
    checkpointing: false,
    seed: 0,
    device: { backend: "onnx", provider: "cpu", threads: 1 },
    optimizer: { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 },
  });
  const changed = <T extends Record<string, Float32Array | Float64Array>>(arrays: T): T => {
    for (const values of Object.values(arrays)) values.forEach((value, i) => values[i] = value + 1);
    return arrays;
  };
  const trained = changed(await engine.trained()), optimizer = changed(await engine.optimizerState());
  const expected = structuredClone({ trained, optimizer });
  await engine.restore(trained, optimizer);
  const left = [...Object.values(trained), ...Object.values(optimizer)].map(({ length }) => length);
  assertEquals(left, left.map(() => 0));
  assertEquals(
    { trained: await engine.trained(), optimizer: await engine.optimizerState() },
    expected,
  );
  await engine.close();
});
