/**
 * Errors of one start, counted by kind.
 * @module
 */
import { counted } from "../../formats/counted.ts";

/** One kind of error. */
export interface FailureCount {
  /** Kind, as of an endpoint's failure. */
  kind: string;
  /** Times that it was met. */
  count: number;
  /** One's message: of several texts the first by their letters, which doesn't depend on which request ended first. */
  example: string;
}

/** See the module's text. */
export class Failures {
  readonly #kinds = new Map<string, FailureCount & { passing: boolean }>();

  /**
   * Counts one.
   * @param passing True if it may be gone when the run is started again, such as a server's error
   */
  add(kind: string, example: string, passing: boolean): void {
    const found = this.#kinds.get(kind);
    if (found === undefined) this.#kinds.set(kind, { kind, count: 1, example, passing });
    else {
      found.count++;
      found.passing ||= passing;
      if (example < found.example) found.example = example;
    }
  }

  /** Number of kinds. */
  get size(): number {
    return this.#kinds.size;
  }

  /** True if starting the run again as it is can help with any of them. */
  get passing(): boolean {
    return [...this.#kinds.values()].some(({ passing }) => passing);
  }

  /** Each kind, the most frequent first: which was met first depends on how many were asked at once. */
  list(): FailureCount[] {
    const kinds = [...this.#kinds.values()].map(({ kind, count, example }) => ({ kind, count, example }));
    return kinds.sort((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
  }
}

/** `3 times server: ...`. */
export function failureText({ kind, count, example }: FailureCount): string {
  return `${counted(count, "time")} ${kind}: ${example.slice(0, 300)}`;
}
