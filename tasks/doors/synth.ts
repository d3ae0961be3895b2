/**
 * The door of `deno task synth`: it writes to its output folder and the caches.
 * @module
 */
import { DEFAULT_SYNTHESIS } from "../common/config/default_files.ts";
import { givenTexts } from "./given.ts";
import { cacheFolders, databaseFiles, openDoor } from "./open.ts";

const given = givenTexts(Deno.args, DEFAULT_SYNTHESIS, "synth");
openDoor(new URL("../synth.ts", import.meta.url), [
  ...given.of("out_dir"),
  ...given.of("cache").flatMap(databaseFiles),
  ...cacheFolders(),
]);
