/**
 * What is told of an earlier run's lines that the first new one takes away, see `LineStore.replace`.
 * @module
 */
import { counted } from "../../formats/counted.ts";

/** Told before anything is asked. @param answers Number of the earlier run's, at least 1 */
export function replacedText(answers: number, directory: string): string {
  return `${counted(answers, "answer")} of an earlier run ${
    answers === 1 ? "is" : "are"
  } removed from ${directory} with the first new one (overwrite: true)`;
}

/**
 * Told at the end, where no new one came: a clause that follows another one.
 * @param noun In the singular, such as `answer`
 */
export function untouchedText(count: number, noun: string): string {
  return `; the ${counted(count, noun)} of an earlier start ${
    count === 1 ? "stays" : "stay"
  } until the first new one is there`;
}
