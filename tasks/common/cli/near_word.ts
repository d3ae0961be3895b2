/**
 * A hint for who may import nothing of the project (tasks/dinotune.ts): prints what {@linkcode didYouMean} says of the first
 * argument among the others, without a line's end.
 *
 * ```sh
 * deno run tasks/common/cli/near_word.ts trian train eval   #  - did you mean "train"?
 * ```
 * @module
 */
import process from "node:process";

import { didYouMean } from "../../../formats/did_you_mean.ts";

if (import.meta.main) {
  const [word = "", ...known] = Deno.args;
  process.stdout.write(didYouMean(word, known));
}
