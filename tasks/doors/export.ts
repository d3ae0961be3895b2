/**
 * The door of `deno task export`: it writes to the folder of the export, those beside it in which that is made and an earlier one waits, and the caches.
 * @module
 */
import { exportPlaces } from "../export/folder.ts";
import { givenTexts } from "./given.ts";
import { cacheFolders, openDoor } from "./open.ts";

const given = givenTexts(Deno.args, null);
openDoor(new URL("../export.ts", import.meta.url), [
  ...given.of("export_dir").flatMap((path) => [path, ...Object.values(exportPlaces(path))]),
  ...given.of("cache_dir"),
  ...cacheFolders(),
]);
