/**
 * The door of `deno task export`: it writes to the folder of the export and the one beside it in which that is made, and the caches.
 * @module
 */
import { basename, dirname, join, resolve } from "@std/path";

import { givenTexts } from "./given.ts";
import { cacheFolders, openDoor } from "./open.ts";

const given = givenTexts(Deno.args, null);
openDoor(new URL("../export.ts", import.meta.url), [
  ...given.of("export_dir").flatMap((
    path,
  ) => [path, join(dirname(resolve(path)), `.${basename(path)}.partial`)]),
  ...given.of("cache_dir"),
  ...cacheFolders(),
]);
