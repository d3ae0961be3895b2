import { assert, assertEquals } from "@std/assert";
import { BufferPool } from "./memory.ts";

Deno.test("BufferPool() gives a free buffer again when it fits, and no more than eight times too large", () => {
  const pool = new BufferPool(), first = pool.take(100_000);
  pool.give(first);
  assertEquals(pool.take(14_000) === first, true);
  pool.give(first);
  assertEquals(pool.take(10_000) === first, false);
});

Deno.test("BufferPool() holds no more than the longest row needs, however lengths change", () => {
  const pool = new BufferPool();
  let most = 0;
  for (let step = 0; step < 50; step++) {
    const rows = 500 + (step * 37) % 200;
    const buffers = Array.from({ length: 20 }, (_, i) => pool.take(rows * 4 * [192, 576, 1536][i % 3]!));
    buffers.forEach((buffer) => pool.give(buffer));
    if (step === 25) most = pool.heldBytes;
  }
  assert(pool.heldBytes <= most, `${pool.heldBytes} after 50 steps, ${most} after 25`);
  const needed = Array.from({ length: 20 }, (_, i) => 700 * 4 * [192, 576, 1536][i % 3]!).reduce(
    (a, b) => a + b,
    0,
  );
  assert(pool.heldBytes < 1.5 * needed, `${pool.heldBytes} held, ${needed} needed at most`);
});

Deno.test("BufferPool() holds less than 1.3 times what the longest of very different rows needs", () => {
  const pool = new BufferPool(), widths = [576, 576, 576, 576, 192, 192, 1536, 1536];
  // A block keeps eight values until its way back, which comes in the other order.
  const pass = (rows: number) => {
    const layers = Array.from({ length: 30 }, () => widths.map((width) => pool.take(4 * rows * width)));
    for (const layer of layers.reverse()) layer.forEach((buffer) => pool.give(buffer));
  };
  const lengths = [824, 851, 1165, 352, 1132, 600, 1165, 229, 700, 1020, 410, 900, 1100, 280, 760, 990, 1165];
  let most = 0;
  for (const rows of lengths) {
    pass(rows);
    most = Math.max(most, pool.heldBytes);
  }
  const needed = 30 * 4 * 1165 * widths.reduce((a, b) => a + b, 0);
  assert(most < 1.3 * needed, `${most} held, ${needed} needed at most`);
});
