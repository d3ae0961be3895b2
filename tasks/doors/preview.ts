/**
 * The door of `deno task preview`: it writes to the caches.
 * @module
 */
import { DEFAULT_TRAINING } from "../common/config/default_files.ts";
import { givenTexts } from "./given.ts";
import { cacheFolders, openDoor } from "./open.ts";

const given = givenTexts(Deno.args, DEFAULT_TRAINING);
openDoor(new URL("../preview.ts", import.meta.url), [
  ...given.of("cache_dir", "data_cache_dir"),
  ...cacheFolders(),
]);
