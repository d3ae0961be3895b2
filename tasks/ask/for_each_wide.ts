/**
 * Work on many values, several at once.
 * @module
 */
/**
 * Runs `work` on every value, up to `width` at once, taking values only as there is room for them.
 * @throws The first error of `work`, after what was under way has ended
 */
export async function forEachWide<T>(
  values: AsyncIterable<T> | Iterable<T>,
  width: number,
  work: (value: T) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in values
    ? values[Symbol.asyncIterator]()
    : values[Symbol.iterator]();
  let failed: { error: unknown } | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const workers: Promise<void>[] = [];
  const worker = async () => {
    let isFirst = true;
    while (failed === undefined) {
      // one at a time: an async generator's next() calls queue up, a hand-written iterator's might not
      const next = turn.then(() => iterator.next());
      turn = next.catch(() => {});
      try {
        const { value, done } = await next;
        if (done) return;
        // one more for every value, so that a width beyond their number costs nothing
        if (isFirst && workers.length < width) workers.push(worker());
        isFirst = false;
        await work(value);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  workers.push(worker());
  // each may add one before it ends
  for (let i = 0; i < workers.length; i++) await workers[i];
  await iterator.return?.();
  if (failed !== undefined) throw failed.error;
}
