import { assert, assertStringIncludes, assertThrows } from "@std/assert";

import { keyHelp } from "./key_help.ts";
import { keyTable } from "./key_table.ts";

Deno.test("keyHelp() has the common keys, any one key in each of its three states, and all of them", () => {
  const common = keyHelp("").split("\n").slice(1).flatMap((line) =>
    line.slice(2).split(/ {2}/)[0]?.split(", ") ?? []
  );
  assert(common.length >= 16 && common.every((key) => keyTable().get(key)?.state === "works"), common.join());
  assertStringIncludes(keyHelp("lora_rank"), "rank of the adapters");
  assertStringIncludes(keyHelp("flash_attn"), "accepted without effect");
  assertStringIncludes(keyHelp("push_to_hub"), "refused, as nothing is uploaded");
  for (const key of keyTable().keys()) assertStringIncludes(keyHelp("all"), key);
  assertThrows(() => keyHelp("lora_rnk"), RangeError, 'did you mean "lora_rank"');
});
