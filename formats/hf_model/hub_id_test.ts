import { assertEquals } from "@std/assert";

import { hubIdOfFolder, hubIdOfGguf } from "./hub_id.ts";

Deno.test("hubIdOfFolder() reads the id from the hub's cache, and from nothing else", () => {
  assertEquals(hubIdOfFolder("/c/hub/models--owner--name.x/snapshots/0123/"), "owner/name.x");
  assertEquals(hubIdOfFolder("models--owner--na--me/snapshots/0123"), "owner/na--me");
  for (const path of ["/models/owner/name", "models--owner--name", "models--owner--name/blobs/0"]) {
    assertEquals(hubIdOfFolder(path), null);
  }
});

Deno.test("hubIdOfGguf() takes the source of the file, not what its model was tuned from", () => {
  const of = (pairs: [string, string][]) => hubIdOfGguf(new Map(pairs));
  assertEquals(of([["general.source.huggingface.repository", "owner/name"]]), "owner/name");
  assertEquals(of([["general.source.repo_url", "https://huggingface.co/owner/name"]]), "owner/name");
  assertEquals(of([["general.source.repo_url", "https://example.com/owner/name"]]), null);
  assertEquals(of([["general.source.repo_url", "https://huggingface.co/owner"]]), null);
  assertEquals(of([["general.base_model.0.repo_url", "https://huggingface.co/owner/other"]]), null);
  assertEquals(of([]), null);
});
