/**
 * The door of `deno task serve`: it writes to the caches.
 * @module
 */
import { cacheFolders, openDoor } from "./open.ts";

openDoor(new URL("../serve.ts", import.meta.url), cacheFolders());
