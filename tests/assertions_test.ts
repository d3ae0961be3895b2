import { assert } from "@std/assert";
import { fileURLToPath } from "node:url";

/** Present count, rounded up; it may fall and not grow. `formats/elements.ts` reads elements that are there by construction. */
const LIMIT = 290;

Deno.test("non-null assertions in sources don't grow", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["lint", "--rules-tags=", "--rules-include=no-non-null-assertion", "--json"],
    cwd: fileURLToPath(new URL("../", import.meta.url)),
    env: { NO_COLOR: "1" },
  }).output();
  const { diagnostics } = JSON.parse(new TextDecoder().decode(stdout)) as {
    diagnostics: { filename: string }[];
  };
  const found = diagnostics.filter(({ filename }) => !/_test\.ts$|[\\/]tests[\\/]/.test(filename));
  assert(found.length > 0, "the lint found nothing at all: does it still have this rule?");
  assert(found.length <= LIMIT, `${found.length} non-null assertions in sources, ${LIMIT} at most`);
});
