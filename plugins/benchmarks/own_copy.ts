/**
 * Benchmarks whose data doesn't come along: a file that isn't there is told with what to do about it.
 * @module
 */

/**
 * The items that are read from a person's own copy of a file.
 * @param released The file as its authors call it, such as `IFBench_test.jsonl of allenai/IFBench`
 * @throws {RangeError} If the copy isn't there: says that it is needed; other errors as they are
 */
export async function* ofOwnCopy<T>(items: AsyncIterable<T>, released: string): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    if (!(error instanceof RangeError && error.cause instanceof Deno.errors.NotFound)) throw error;
    throw new RangeError(
      `${error.message}. ${released} doesn't come along: name your copy of it as args.path`,
      {
        cause: error.cause,
      },
    );
  }
}
