/** Starts a board of the folder that is given, prints its address and waits for its end; for a test that kills this process. */
import { TaskProcess } from "./processes.ts";

const board = new TaskProcess("board", [...Deno.args, "--port", "0"]);
console.log(await board.firstLine);
await board.ended;
