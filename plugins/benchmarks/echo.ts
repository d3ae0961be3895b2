/**
 * A judge's text without what it repeats of its prompt: the scores of the prompt's worked example would be read as its own.
 * @module
 */
import { stripEnds } from "../../formats/python_text.ts";

/** Marks that a repeated line may stand behind: of quotes, lists, code, bold type. */
const MARKS = /^[\s>*_`#-]+/;

/** Removes the lines of a prompt from texts of the judge that was asked with it. */
export class Echo {
  /** Lines of the prompt, each with those that follow it. */
  readonly #next = new Map<string, Set<string>>();

  /**
   * @param template The prompt with its `{{slots}}`; a line with one is none of those that are looked for.
   * @param telling What marks a line that says a score by itself: it is removed alone, others only beside another one.
   */
  constructor(template: string, readonly telling: RegExp) {
    const lines = template.split("\n").map(bare).filter((line) => line !== "");
    lines.forEach((line, i) => {
      if (line.includes("{{")) return;
      const next = this.#next.get(line) ?? new Set();
      this.#next.set(line, next.add(lines[i + 1] ?? ""));
    });
  }

  /**
   * The text without lines that it has of the prompt, in the prompt's order.
   * @param own Texts of the item's constraints: a line with one of them says something of this item.
   */
  remove(text: string, own: readonly string[]): string {
    const lines = text.split("\n");
    const told = lines.flatMap((line, place) => {
      const plain = bare(line);
      return plain === "" ? [] : [{ place, line: plain }];
    });
    const isEcho = (line: string | undefined): line is string =>
      line !== undefined && this.#next.has(line) &&
      !own.some((constraint) => line.includes(constraint.trim()));
    const follow = (one: string | undefined, next: string | undefined) =>
      isEcho(one) && isEcho(next) && this.#next.get(one)?.has(next) === true;
    const gone = new Set<number>();
    told.forEach(({ place, line }, i) => {
      const [before, behind] = [told[i - 1]?.line, told[i + 1]?.line];
      if (follow(before, line) || follow(line, behind) || (isEcho(line) && this.telling.test(line))) {
        gone.add(place);
      }
    });
    return gone.size === 0 ? text : lines.filter((_, place) => !gone.has(place)).join("\n");
  }
}

function bare(line: string): string {
  return stripEnds(line.replace(MARKS, ""), " \t\r*_`", "right");
}
