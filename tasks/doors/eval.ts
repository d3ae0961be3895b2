/**
 * The door of `deno task eval`: it writes to its output folder, that of a run whose judge is looked at, and the caches.
 * @module
 */
import { dirname } from "@std/path";

import { DEFAULT_EVALUATOR } from "../common/config/default_files.ts";
import { givenTexts } from "./given.ts";
import { cacheFolders, databaseFiles, enclosesProject, openDoor } from "./open.ts";

/** Where an evaluation goes that names no folder. */
const UNNAMED = "saves/eval";

const given = givenTexts(Deno.args, DEFAULT_EVALUATOR, "evaluator");
const outputs = given.of("out_dir");
// verbs were flags once, and are taken so still
const isVerb = (name: string, flag: string) => given.words[0] === name || Deno.args.includes(flag);
// written to its folder under another name first
const beside = given.of("out_file").map((path) => dirname(path));
const summary = Deno.env.get("GITHUB_STEP_SUMMARY");
openDoor(
  new URL("../eval.ts", import.meta.url),
  // tables may go anywhere, and no code of others makes them
  isVerb("compare", "--compare") || beside.some(enclosesProject) ? null : [
    ...outputs.length > 0 ? outputs : [UNNAMED],
    // without a file the adapter of the last training is evaluated too, beside it
    ...given.words.length === 0 ? outputs.map((path) => `${path}-tuned`) : [],
    ...isVerb("card", "--judge-card") ? given.words : [],
    ...beside,
    ...given.of("cache", "cache.path").flatMap(databaseFiles),
    ...summary ? [summary] : [],
    ...cacheFolders(),
  ],
);
