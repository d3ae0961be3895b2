// News that the board sends by itself: the list of runs, as it changes.

/** @typedef {ReturnType<typeof listen>} News */

/** What to say of folders that the board's user may not read; "" without any. @param {{closed: number}} news */
export function closedText({ closed }) {
  if (closed === 0) return "";
  return closed === 1
    ? "1 folder may not be read by the user of the board, so what is in it isn't shown."
    : `${closed} folders may not be read by the user of the board, so what is in them isn't shown.`;
}

/** Opens the stream. @param {{onstate: (live: boolean) => void, fault: (error: Error) => void}} options */
export function listen({ onstate, fault }) {
  const listeners = new Set();
  const news = {
    runs: [],
    evaluations: [],
    /** Number of folders that may not be read. */
    closed: 0,
    jobs: [],
    control: false,
    /** Whether the lists have come. */
    known: false,
    fault,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const source = new EventSource("api/events");
  source.addEventListener("runs", ({ data }) => {
    Object.assign(news, JSON.parse(data), { known: true });
    for (const listener of listeners) listener();
  });
  source.onopen = () => onstate(true);
  source.onerror = () => onstate(false);
  return news;
}
