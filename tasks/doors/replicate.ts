/**
 * The door of `deno task replicate`: it writes to its output folder and the caches.
 * @module
 */
import { REPLICATIONS } from "../common/config/default_files.ts";
import { givenTexts } from "./given.ts";
import { cacheFolders, openDoor } from "./open.ts";

const file = Deno.args.map((word) => REPLICATIONS[word]).find((path) => path !== undefined);
const given = givenTexts(Deno.args, file ?? REPLICATIONS["tiny"] ?? null, "replicate");
openDoor(new URL("../replicate.ts", import.meta.url), [...given.of("out_dir"), ...cacheFolders()]);
