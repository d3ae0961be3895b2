/**
 * The door of `deno task eval`: it writes to its output folder, the folders of runs that are compared, `--out`, and the caches.
 * @module
 */
import { dirname } from "@std/path";

import { DEFAULT_EVALUATOR } from "../common/default_files.ts";
import { givenTexts } from "./given.ts";
import { cacheFolders, openDoor } from "./open.ts";

/** Where an evaluation goes that names no folder. */
const UNNAMED = "saves/eval";

const given = givenTexts(Deno.args, DEFAULT_EVALUATOR, "evaluator");
const outputs = given.of("out_dir");
const [verb, ...runs] = given.words;
const summary = Deno.env.get("GITHUB_STEP_SUMMARY");
openDoor(new URL("../eval.ts", import.meta.url), [
  ...outputs.length > 0 ? outputs : [UNNAMED],
  ...verb === "compare" || verb === "card" ? runs : [],
  ...[...given.flag("out").flatMap((paths) => paths.split(",")), ...given.of("cache")].map((path) =>
    dirname(path)
  ),
  ...summary ? [summary] : [],
  ...cacheFolders(),
]);
