/**
 * The door of `deno task sweep`: it writes to the folder of the sweep and the caches.
 * @module
 */
import { givenTexts } from "./given.ts";
import { cacheFolders, databaseFiles, openDoor } from "./open.ts";

const given = givenTexts(Deno.args, null);
const out = given.flag("out");
openDoor(new URL("../sweep.ts", import.meta.url), [
  ...out.length > 0 ? out : given.of("output_dir").map((path) => `${path.replace(/[/\\]+$/, "")}-sweep`),
  ...givenTexts(given.flag("eval"), null, "evaluator").of("cache", "cache.path").flatMap(databaseFiles),
  ...given.of("logging_dir", "cache_dir", "data_cache_dir"),
  ...cacheFolders(),
]);
