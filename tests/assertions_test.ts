import { assert } from "@std/assert";
import { relative } from "@std/path";
import { fileURLToPath } from "node:url";
import { PROJECT_FOLDER, runDeno } from "./helpers/deno_process.ts";
import { isFileOfTests, partsOfTests, readArrows } from "./helpers/imports.ts";

/** Present count, rounded up; it may fall and not grow. `formats/elements.ts` reads elements that are there by construction. */
const LIMIT = 290;

Deno.test("non-null assertions in sources don't grow", async () => {
  const rule = ["--rules-tags=", "--rules-include=no-non-null-assertion"];
  const { stdout } = await runDeno(["lint", ...rule, "--json"]);
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { filename: string }[];
  };
  const ofTests = partsOfTests(await readArrows());
  const found = diagnostics.map(({ filename }) =>
    relative(PROJECT_FOLDER, filename.startsWith("file:") ? fileURLToPath(filename) : filename).replaceAll(
      "\\",
      "/",
    )
  ).filter((path) => !isFileOfTests(path) && !ofTests.has(path));
  assert(
    found.length > 0 && !ofTests.has("kernels/ops/products/_product.ts"),
    "sources are among what is counted",
  );
  assert(found.length <= LIMIT, `${found.length} non-null assertions in sources, ${LIMIT} at most`);
});
