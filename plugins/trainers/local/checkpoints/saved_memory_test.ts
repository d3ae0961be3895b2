/** What saving takes: of full tuning copies are as large as the model. */
import { assert, assertEquals } from "@std/assert";

import { item } from "../../../../formats/elements.ts";
import { runTinyLoop } from "../../../../tests/helpers/behaviour_run.ts";
import { readCheckpoint } from "./checkpoint.ts";
import { listCheckpoints } from "./checkpoint_directory.ts";

Deno.test("a checkpoint asks for the optimizer's numbers when the trained tensors' copies are gone, and keeps none of either", async () => {
  await runTinyLoop({ max_steps: 2 }, async (run, inputs) => {
    const { engine } = inputs, copies: ArrayBufferLike[] = [];
    const kept = <T extends Record<string, ArrayBufferView>>(arrays: T): T => {
      copies.push(...Object.values(arrays).map(({ buffer }) => buffer));
      return arrays;
    };
    const held = () => copies.reduce((bytes, { byteLength }) => bytes + byteLength, 0);
    const heldThen: number[] = [];
    const watched = {
      trained: async () => kept(await engine.trained()),
      optimizerState: async () => {
        heldThen.push(held());
        return kept(await engine.optimizerState());
      },
    };
    Object.assign(inputs, {
      engine: new Proxy(engine, {
        get: (of, name) => {
          const own = Object.hasOwn(watched, name) ? Reflect.get(watched, name) : Reflect.get(of, name);
          return typeof own === "function" ? own.bind(of) : own;
        },
      }),
    });
    await run();
    assertEquals(heldThen, [0]);
    assert(copies.length > 2);
    assertEquals(held(), 0);
    const { path } = item(listCheckpoints(inputs.config.output_dir), 0), { optimizer } = readCheckpoint(path);
    assertEquals(optimizer, await engine.optimizerState());
  });
});
