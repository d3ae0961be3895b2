import { assert, assertEquals, assertThrows } from "@std/assert";
import { KERNELS } from "../kernels/mod.ts";
import { PAGE, performancePage } from "./make_performance.ts";

const page = Deno.readTextFileSync(PAGE);

/** Cells of the row that begins so. */
function row(beginning: string): string[] {
  const line = page.split("\n").find((line) => line.startsWith(`| ${beginning} |`));
  assert(line, `a row of ${beginning}`);
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}

Deno.test("docs/performance_webgpu.md has the tables of the code (deno run -A docs/make_performance.ts)", () => {
  assertEquals(performancePage(page), page);
  assertThrows(() => performancePage("# nothing"), RangeError, "the page has no marks for it");
});

Deno.test("docs/performance_webgpu.md lists every kernel, and its numbers are those by hand", () => {
  for (const { name } of KERNELS) row(`\`${name}\``);
  // 2 · 512 · 576 · 1536 operations on 512 · 576 + 576 · 1536 + 512 · 1536 numbers.
  assertEquals(row("`linear`").slice(2, 5), ["906", "7.9", "115"]);
  // 512 · 513 / 2 pairs, 4 · 576 operations each; q and o 512 · 576, k and v 512 · 192 numbers.
  assertEquals(row("`attention`").slice(2, 5), ["303", "3.1", "96"]);
  // gate, up and the result, 512 · 1536 numbers each.
  assertEquals(row("`swiglu`").slice(2, 4), ["4.7", "9.4"]);
  // SmolLM2's seven matrices: 2 · 680 · (576 · 576 · 2 + 192 · 576 · 2 + 3 · 576 · 1536) = 4.8 GFLOP each way.
  assertEquals(row("forward: products with a frozen weight")[1], "4.8");
  // 30 blocks of 33 + 55 (the joins of o and dQ and the two sums of shares of dK and dV among them), a chunk of 33 + 7, and the embedding.
  assertEquals(
    row("**a pack of 256 labels, activations kept**")[2],
    String(30 * (33 + 55) + (33 + 7) + 1),
  );
});
