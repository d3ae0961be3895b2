/**
 * Finds recorded answers. A prompt decides where the file has prompts: ids that disagree are someone's row numbers, which
 * collide with the ids of a benchmark (49 of IFEval's keys are below 541). Ids decide where there are no prompts, and places
 * where there are neither; then the counts must agree.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { readText } from "../../../formats/records/rows.ts";
import type { CompletionRequest } from "../../kinds/endpoint.ts";
import { normalized, readResult, readRow, type RecordedRow } from "./row.ts";

/** Result of a look-up: a row, or why there is none; `all` when it holds for every item. */
export type Found = { row: RecordedRow } | { missing: string; all?: true };

/** The answers of a file. */
export class RecordedAnswers {
  readonly #path: string;
  readonly #inOrder: RecordedRow[] = [];
  readonly #byPrompt = new Map<string, RecordedRow[]>();
  /** Of rows with prompts too, for messages. */
  readonly #byId = new Map<string, RecordedRow>();

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Reads a file of JSON lines, of one JSON list, or of an evaluation's results in the released shape.
   * @param field As of {@linkcode readRow}
   * @throws {SyntaxError} If a row can't be read
   * @throws {RangeError} If two rows can't be told apart
   */
  static async read(path: string, field?: string): Promise<RecordedAnswers> {
    const answers = new RecordedAnswers(path);
    const text = await readText(path), results = resultsIn(text, path);
    const read = results === null ? readRow : readResult;
    for (const [value, where] of results ?? valuesOf(text, path)) answers.#add(read(value, where, field));
    const keyed = answers.#byPrompt.size + answers.#byId.size > 0;
    if (keyed && answers.#inOrder.length > 0) {
      throw new RangeError(
        `Cannot read ${
          item(answers.#inOrder, 0).where
        } as a recorded answer: it has no id and no prompt, which others have`,
      );
    }
    return answers;
  }

  #add(row: RecordedRow): void {
    const { prompts, ids } = row;
    if (prompts.length === 0 && ids.length === 0) this.#inOrder.push(row);
    for (const prompt of prompts) {
      const same = this.#byPrompt.get(prompt) ?? [];
      this.#byPrompt.set(prompt, [...same.filter((other) => !isRepeated(other, row, prompt)), row]);
    }
    const id = ids[0];
    if (id === undefined) return;
    const before = this.#byId.get(id);
    if (
      before !== undefined && before.prompts.length === 0 && prompts.length === 0 && !isEqual(before, row)
    ) {
      throw new RangeError(
        `Cannot read ${row.where} as a recorded answer: id ${id} has another answer at ${before.where}`,
      );
    }
    this.#byId.set(id, row);
  }

  /** Looks an item up; `prompt` is the text of its last user message. */
  find({ id, place }: Pick<CompletionRequest, "id" | "place">, prompt: string): Found {
    if (this.#inOrder.length > 0) return this.#byPlace(place);
    const candidates = this.#byPrompt.get(normalized(prompt)) ?? [];
    if (candidates.length > 0) return this.#chosen(candidates, id);
    const row = id === undefined ? undefined : this.#byId.get(id);
    if (row !== undefined && row.prompts.length === 0 && holds(prompt, row)) return { row };
    const known = this.#byPrompt.size === 0 && this.#byId.size > 0
      ? `; its ids are such as ${[...this.#byId.keys()].slice(0, 3).join(", ")}`
      : "";
    const other = row === undefined ? known : `; ${row.where} has this id, but another prompt`;
    const missing = `${this.#path} has no answer for ${id ?? "this prompt"}${other}`;
    // a few row numbers would be some items' ids, and give them others' answers
    return this.#isNumbered()
      ? { missing: `${missing}; its ids are row numbers: ${NUMBERED}`, all: true }
      : { missing };
  }

  #chosen(candidates: RecordedRow[], id: string | undefined): Found {
    const [first] = candidates as [RecordedRow];
    if (candidates.every((row) => isEqual(row, first))) return { row: first };
    const agreeing = candidates.filter(({ ids }) => id !== undefined && ids.includes(id));
    if (agreeing.length > 0 && agreeing.every((row) => isEqual(row, item(agreeing, 0)))) {
      return { row: item(agreeing, 0) };
    }
    const places = candidates.slice(0, 3).map(({ where }) => where).join(", ");
    return {
      missing: `${this.#path} has different answers to the prompt of ${id} (${places}) and no id tells which`,
    };
  }

  #byPlace(place: CompletionRequest["place"]): Found {
    const count = this.#inOrder.length;
    if (place === undefined) {
      return {
        missing: `${this.#path} has answers in order, without id or prompt, and the item's place isn't known`,
        all: true,
      };
    }
    const { index, total } = place;
    if (total === null ? index < count : total === count) return { row: item(this.#inOrder, index) };
    return {
      missing: `${this.#path} has ${count} answers in order, without id or prompt, but there are ` +
        `${total ?? `more than ${index}`} items: give every item one, or add prompts`,
      all: true,
    };
  }

  /** True if ids are the rows' own numbers, and nothing else is there to find rows by. */
  #isNumbered(): boolean {
    const ids = [...this.#byId.keys()];
    const from = Number(ids[0]);
    const isKnown = [...this.#byId.values()].some(({ within }) => within !== undefined);
    return this.#byPrompt.size === 0 && !isKnown && (from === 0 || from === 1) &&
      ids.every((id, i) => id === String(from + i));
  }
}

const NUMBERED = "add the prompts, or leave the ids out so that rows are taken in order";

/** Values of a file with their places. */
function* valuesOf(text: string, path: string): Generator<[value: unknown, where: string]> {
  if (text.trimStart().startsWith("[")) {
    yield* placed(parse(text, path) as unknown[], path);
    return;
  }
  for (const [i, line] of text.split("\n").entries()) {
    const where = `${path}:${i + 1}`;
    if (line.trim() !== "") yield [parse(line, where), where];
  }
}

/** Rows of `{average_score, config, result}`, which the TRACE scripts and this project's evaluations write; null for another file. */
function resultsIn(text: string, path: string): [value: unknown, where: string][] | null {
  // a line that is whole in itself is JSON lines'
  if (!/^\s*\{\s*(?:\n|"average_score")/.test(text)) return null;
  const { result } = parse(text, path) as { result?: unknown };
  if (Array.isArray(result)) return placed(result, path);
  throw new SyntaxError(
    `Cannot read ${path} as recorded answers: it is one map without a list \`result\` of rows`,
  );
}

function placed(values: readonly unknown[], path: string): [value: unknown, where: string][] {
  return values.map((value, i) => [value, `${path} row ${i}`]);
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${where} as JSON: ${(error as Error).message}`);
  }
}

/** True unless a row is known to be of another prompt; TRACE's has its constraints between the lines of the question. */
function holds(prompt: string, { within = "" }: RecordedRow): boolean {
  return within.split("\n").every((line) => prompt.includes(line.trim()));
}

/** True if a row says what another one says already. */
function isRepeated(before: RecordedRow, row: RecordedRow, prompt: string): boolean {
  const same = before.ids.join("\n") === row.ids.join("\n");
  if (same && !isEqual(before, row)) {
    throw new RangeError(
      `Cannot read ${row.where} as a recorded answer: the prompt ${
        JSON.stringify(prompt.slice(0, 80))
      } has another ` +
        `answer at ${before.where}`,
    );
  }
  return same;
}

function isEqual(a: RecordedRow, b: RecordedRow): boolean {
  const textOf = ({ answer }: RecordedRow) => "error" in answer ? null : answer.text;
  return textOf(a) === textOf(b);
}
