/**
 * Reading of the marks that a turn or a row isn't to be learnt.
 * @module
 */
import { LEARNT_FIELDS, rowMark } from "../kinds/learnt_marks.ts";
import type { Message } from "../kinds/dataset.ts";
import { own, RecordFault } from "./_record.ts";

/** axolotl's marks of parts of a turn. */
const DETAIL_FIELDS = ["train_detail", "training_detail"];

/**
 * The mark that says whether a message is learnt: nothing for an answer that is, `{learnt: false}` by a mark, `{learnt: true}` for another's turn that
 * is marked so.
 * @param place Where the message stands, such as `messages[1]`
 * @throws {RecordFault} If a mark is neither true nor false, 1 nor 0: a part of a weight isn't supported
 */
export function learntBy(message: object, role: Message["role"], place: string): Pick<Message, "learnt"> {
  for (const name of DETAIL_FIELDS) {
    const detail = own(message, name);
    if (detail === undefined || detail === null || (Array.isArray(detail) && detail.length === 0)) continue;
    throw new RecordFault(
      `${name} is not supported (parts of a turn can't be left unlearnt)`,
      `${place}.${name}`,
    );
  }
  const marks = LEARNT_FIELDS.flatMap((name) => {
    const mark = own(message, name);
    if (mark === undefined || mark === null) return [];
    if (mark === true || mark === 1) return [true];
    if (mark === false || mark === 0) return [false];
    throw new RecordFault(`${name} is neither 0 nor 1 (true nor false)`, `${place}.${name}`);
  });
  if (marks.includes(false)) return { learnt: false };
  return marks.length > 0 && role !== "assistant" && role !== "function" ? { learnt: true } : {};
}

/**
 * Throws if a whole row isn't to be learnt. A field that the entry's columns use for something else is no mark.
 * @param used Names of the columns in use
 * @throws {RecordFault} If it is marked so, or its weight is another number than 0 and 1
 */
export function refuseUnlearntRow(record: object, used: readonly (string | null)[]): void {
  for (const name of LEARNT_FIELDS) {
    if (used.includes(name)) continue;
    const mark = rowMark(own(record, name));
    if (mark === false || mark === 0) {
      throw new RecordFault(`row is not to be learnt (${name}: ${mark})`, name);
    }
    if (name === "weight" && typeof mark === "number" && mark !== 1) {
      throw new RecordFault("weight is neither 0 nor 1 (weights of rows are not supported)", name);
    }
  }
}
