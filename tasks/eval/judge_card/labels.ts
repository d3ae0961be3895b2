/**
 * Verdicts that a person marked right or wrong: `labels.jsonl` beside a run. A line a mark, the last one of a constraint counts; the
 * judge card compares the judge with them.
 * @module
 */
import { join } from "@std/path";
import { z } from "zod";

import { appendLine } from "../../../formats/append.ts";
import { sealedJson, unsealed } from "../../../formats/sealed_json.ts";
import { shown } from "../../../formats/message.ts";
import { hashOf } from "../../ask/response_cache.ts";
import type { Reference } from "./judged_answers.ts";

/** Name of the file. */
export const LABELS_FILE = "labels.jsonl";

const Schema = z.strictObject({
  id: z.string(),
  constraint: z.int().min(0),
  label: z.enum(["right", "wrong", "none"]),
  met: z.boolean(),
  response: z.string(),
  made: z.string(),
});

/** A person's mark on one verdict. */
export type Label = z.infer<typeof Schema>;

/** Marks of a run by item and constraint. */
export class Labels {
  readonly #path: string;
  readonly #labels = new Map<string, Map<number, Label>>();

  /**
   * Reads the file of a run; none is an empty list.
   * @throws {RangeError} If a line isn't a mark; one that a kill cut off at the end is passed over
   */
  constructor(directory: string) {
    this.#path = join(directory, LABELS_FILE);
    let text: string;
    try {
      text = Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    const lines = text.split("\n");
    for (const [i, line] of lines.entries()) {
      // what stands behind the last line's end was cut off
      if (line === "" || i === lines.length - 1) continue;
      this.#keep(readLabel(line, `${this.#path}, line ${i + 1}`));
    }
  }

  /** Number of marks. */
  get size(): number {
    return this.#labels.values().reduce((sum, marks) => sum + marks.size, 0);
  }

  /** Marks of an item's answer; those of another answer don't count. */
  of(id: string, response: string | null): Label[] {
    if (response === null) return [];
    const hash = responseHash(response);
    return [...this.#labels.get(id)?.values() ?? []].filter((label) => label.response === hash);
  }

  /**
   * Adds a mark, or with `none` takes it back.
   * @param mark `met`: whether the judge's verdict was the full score
   */
  add(mark: Pick<Label, "id" | "constraint" | "label" | "met">, response: string): void {
    const label = { ...mark, response: responseHash(response), made: new Date().toISOString() };
    appendLine(this.#path, sealedJson(label));
    this.#keep(label);
  }

  #keep(label: Label): void {
    const marks = this.#labels.get(label.id) ?? new Map<number, Label>();
    this.#labels.set(label.id, marks);
    if (label.label === "none") marks.delete(label.constraint);
    else marks.set(label.constraint, label);
  }
}

/**
 * The marks as a judge card's reference. A person who says that "met" is wrong says "not met", and the other way round; of a graded
 * verdict only whether it is the full score is marked.
 */
export function labelsReference(labels: Labels): Reference {
  return {
    name: `a person's ${labels.size} marks (${LABELS_FILE})`,
    scale: 1,
    verdicts({ id, constraints }, response) {
      const marks = new Map(labels.of(id, response).map((mark) => [mark.constraint, mark]));
      if (marks.size === 0) return Promise.resolve(null);
      return Promise.resolve(constraints.map((_, i) => {
        const mark = marks.get(i);
        if (mark === undefined) return { score: null, reason: "not marked" };
        return { score: mark.met === (mark.label === "right") ? 1 : 0 };
      }));
    },
  };
}

function readLabel(line: string, place: string): Label {
  let value: unknown;
  try {
    ({ value } = unsealed(new TextEncoder().encode(line)));
  } catch { /* told below */ }
  const { data, success } = Schema.safeParse(value);
  if (success) return data;
  throw new RangeError(
    `Cannot read ${place} as a mark: current value is ${
      shown(line, 100)
    }; restore the file, or remove that line and mark it again`,
  );
}

/** Tells answers apart, so that a mark on one doesn't count for another. */
function responseHash(response: string): string {
  return hashOf([response]).slice(0, 32);
}
