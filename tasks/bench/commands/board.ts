/**
 * `deno task bench board`: its flags, and what they ask for.
 * @module
 */
import { benchBoard, boardBenchText } from "../board/board.ts";
import { flagNumber } from "../flag_values.ts";
import type { BenchCommand } from "./command.ts";

/** The board over many runs and a large evaluation. */
export const boardBench: BenchCommand = {
  example: "board --runs 50 --steps 10000",
  flags: {
    "runs N": "training runs on one chart (50)",
    "steps N": "logged steps of each (10000)",
    "items N": "items of the evaluation (100000)",
    "seconds N": "of each measurement of frames (3)",
  },
  run: async (given, view) => {
    const load = {
      runs: flagNumber(given, "runs", 50),
      steps: flagNumber(given, "steps", 10_000),
      items: flagNumber(given, "items", 100_000),
      seconds: flagNumber(given, "seconds", 3),
    };
    const found = await benchBoard(load, view);
    return { found, text: boardBenchText(found) };
  },
};
