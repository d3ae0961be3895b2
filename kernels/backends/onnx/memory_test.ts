import { assert, assertEquals } from "@std/assert";
import { BufferPool } from "./memory.ts";

Deno.test("BufferPool() gives a free buffer again when it fits, and no more than twice too large", () => {
  const pool = new BufferPool(), first = pool.take(100_000);
  pool.give(first);
  assertEquals(pool.take(90_000) === first, true);
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
