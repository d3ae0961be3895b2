/**
 * Loaded in front of `deno task export`: once the file `DINOTUNE_TEST_WRITTEN` is there the process gets a signal as a terminal sends it, and
 * its timers wait until that has arrived, so that the export can't be over before.
 */
const written = Deno.env.get("DINOTUNE_TEST_WRITTEN") ?? "", wait = globalThis.setTimeout;
const heard = Promise.withResolvers<void>();
let killed = false;

function isThere(): boolean {
  try {
    return Deno.statSync(written).isFile;
  } catch {
    return false;
  }
}

function interrupt(): void {
  if (killed) return;
  killed = true;
  // listening keeps no process alive
  const alive = setInterval(() => {}, 1000);
  Deno.addSignalListener("SIGINT", () => {
    clearInterval(alive);
    wait(heard.resolve, 20);
  });
  Deno.kill(Deno.pid, "SIGINT");
}

globalThis.setTimeout = ((then: (...rest: unknown[]) => void, ms = 0, ...rest: unknown[]) => {
  if (!isThere()) return wait(then, ms, ...rest);
  interrupt();
  return wait(() => heard.promise.then(() => then(...rest)), ms);
}) as typeof setTimeout;
