/**
 * The door of `deno task plugins`: it writes nothing.
 * @module
 */
import { openDoor } from "./open.ts";

openDoor(new URL("../plugins.ts", import.meta.url), []);
