// News that the board sends by itself: the list of runs, as it changes.

/** @typedef {ReturnType<typeof listen>} News */

/** Opens the stream. @param {{onstate: (live: boolean) => void, fault: (error: Error) => void}} options */
export function listen({ onstate, fault }) {
  const listeners = new Set();
  const news = {
    runs: [],
    evaluations: [],
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
