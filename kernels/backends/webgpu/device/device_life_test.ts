/** WebGPU: memory of a device, and its end. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { GraphBuilder } from "../../../graph.ts";
import { add } from "../../../ops/arithmetic/add.ts";
import { linear } from "../../../ops/products/products.ts";
import { webgpuBackend } from "../mod.ts";
import { GpuPool, USAGE } from "./pool.ts";
import { GpuTensor } from "./tensor.ts";
import { deviceTest } from "../../../../tests/helpers/device_tests.ts";

Deno.test("a tensor larger than a buffer may be is refused by its shape, with both sizes and what to do", () => {
  const device = { limits: { maxBufferSize: 2 ** 28 } } as unknown as GPUDevice;
  const pool = new GpuPool(device, USAGE.storage), embedding = [151_936, 1536];
  const { message } = assertThrows(() => GpuTensor.allocate(pool, embedding, "f32"), RangeError);
  assertEquals(
    message,
    "Cannot hold a tensor of shape [151936, 1536]: a buffer of this device has at most 268435456 bytes: current value is 933494784; " +
      "use a smaller model or another backend, in a training fp16: true or a lower cutoff_len",
  );
});

deviceTest("buffers and pipelines stay the same over steps of changing lengths", async () => {
  const backend = await webgpuBackend();
  const g = new GraphBuilder(), x = g.input("x", ["T", 36]), w = g.input("w", [36, 36]);
  let y = x;
  for (let i = 0; i < 6; i++) y = g.run(add, { a: y, b: g.run(linear, { x: y, w }).y! }).y!;
  const program = await backend.compile(g.finish({ y }), "chain");
  const weight = backend.upload(new Float32Array(36 * 36).fill(0.01), [36, 36]);
  const step = async (rows: number) => {
    const input = backend.upload(new Float32Array(rows * 36).fill(1), [rows, 36]);
    const result = (await program.run({ x: input, w: weight })).y!;
    const values = await backend.download(result);
    // Every row: six times y ← y + 0.36 y.
    assert(Math.abs(values.at(-1)! - 1.36 ** 6) < 1e-4, `row of ${values.at(-1)}`);
    input.dispose();
    result.dispose();
  };
  const start = backend.stats().buffers;
  await step(113);
  const first = backend.stats().buffers;
  // A program keeps the sizes of a plan in a small buffer. Of free buffers that are large enough the smallest is taken, so each order of lengths may want a few of its own once.
  const lengths = async () => {
    for (let rows = 113; rows >= 20; rows -= 3) await step(rows);
    for (let rows = 20; rows <= 113; rows += 3) await step(rows);
  };
  await lengths();
  const before = backend.stats();
  await lengths();
  assertEquals(backend.stats(), before);
  // Six products and sums in a row need few buffers at once, not one for each value.
  assert(first - start <= 8, `${first - start} buffers`);
  await backend.dispose();
});

deviceTest("a GPU without memory left says what to do", async () => {
  const backend = await webgpuBackend();
  backend.zeros([2 ** 18]);
  const error = new GPUOutOfMemoryError("Not enough memory left.");
  backend.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
  const shown = await assertRejects(() => backend.finish(), Error, "The GPU has no memory left (Not enough");
  assertStringIncludes(shown.message, "micro_batch_tokens");
  await backend.dispose();
});

deviceTest("dispose() resolves only when the device is gone", async () => {
  const backend = await webgpuBackend();
  await backend.dispose();
  const first = await Promise.race([backend.device.lost, Promise.resolve(null)]);
  assertEquals(first?.reason, "destroyed");
});

deviceTest("a lost device and a disposed backend say so", async () => {
  const backend = await webgpuBackend();
  const tensor = backend.zeros([4]);
  tensor.dispose();
  await assertRejects(() => backend.download(tensor), Error, "it was disposed");
  backend.device.destroy();
  await backend.device.lost;
  const error = await assertRejects(() => backend.finish(), Error, "The WebGPU device was lost");
  assertStringIncludes(error.message, "resume_from_checkpoint");
  await backend.dispose();
  await assertRejects(() => backend.finish(), Error, "it was disposed");
});
