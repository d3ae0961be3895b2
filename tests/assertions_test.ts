import { assert } from "@std/assert";
import { relative } from "@std/path";
import { fileURLToPath } from "node:url";
import { isFileOfTests, partsOfTests, readArrows } from "./helpers/imports.ts";

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
  const ofTests = partsOfTests(await readArrows());
  const root = fileURLToPath(new URL("../", import.meta.url));
  const found = diagnostics.map(({ filename }) =>
    relative(root, filename.startsWith("file:") ? fileURLToPath(filename) : filename).replaceAll("\\", "/")
  ).filter((path) => !isFileOfTests(path) && !ofTests.has(path));
  assert(
    found.length > 0 && !ofTests.has("kernels/ops/products/_product.ts"),
    "sources are among what is counted",
  );
  assert(found.length <= LIMIT, `${found.length} non-null assertions in sources, ${LIMIT} at most`);
});
