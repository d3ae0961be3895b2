/** Engines that can't be made, before the model's weights are touched. */
import { assertRejects } from "@std/assert";

import { tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { makeBatchEngine } from "./make_engine.ts";

Deno.test("makeBatchEngine() says what to do where a backend has no weights in few bits", async () => {
  const { config: decoder } = tinyModel("qwen2");
  for (const backend of ["webgpu", "reference"] as const) {
    const options = { decoder, quantization: 4, device: { backend, provider: "cpu", threads: 1 } } as const;
    await assertRejects(
      // Refused before it is opened, so it needs no files.
      () => makeBatchEngine(options as never, {} as never, null),
      RangeError,
      `Cannot hold weights in 4 bits: that is for ONNX Runtime's CPU, and ${backend} on cpu was chosen; leave them as they are stored, or use backend: onnx`,
    );
  }
});
