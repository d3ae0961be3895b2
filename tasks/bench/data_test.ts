import { assert, assertEquals } from "@std/assert";

import { builtinRegistry } from "../../plugins/builtins.ts";
import { benchData, dataBenchText } from "./data.ts";

Deno.test("benchData encodes the rows it made, checks them and the cache, and measures", async () => {
  const tokenizer = new URL("../../fixtures/goldens/datasets/tokenizer", import.meta.url).pathname;
  const found = await benchData(builtinRegistry(), { tokenizer, rows: 1500 });
  assertEquals(found.rows, 1500);
  assert(found.seconds > 0 && found.cachedSeconds > 0 && found.tokensPerRow > 100, JSON.stringify(found));
  assert(dataBenchText(found).includes("rows          1500"));
});
