import { assertEquals } from "@std/assert";
import { runDeno } from "../../../tests/helpers/deno_process.ts";
import { UNIX } from "../../../tests/helpers/system.ts";

Deno.test({
  name:
    `interruption() takes a signal that arrives twice at once for one; a later one ends the process${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    const module = new URL("./interruption.ts", import.meta.url).href;
    // the process signals itself and stops its clock, so that no busy machine changes what lies between two signals
    const run = async (between: number, first = "SIGINT", second = "SIGINT") => {
      const { code, stdout } = await runDeno([
        "eval",
        `const { interruption } = await import("${module}");
          let now = 1000, looks = 0;
          const both = Promise.withResolvers();
          // each signal looks at the clock once
          performance.now = () => (++looks === 2 ? both.resolve() : undefined, now);
          using stop = interruption(() => {});
          stop.signal.addEventListener("abort", () => {
            now += ${between};
            Deno.kill(Deno.pid, "${second}");
          });
          console.log("ready");
          Deno.kill(Deno.pid, "${first}");
          await both.promise;
          console.log("tidy");
          Deno.exit(stop.code);`,
      ]);
      return [code, stdout];
    };
    assertEquals(await run(499), [130, "ready\ntidy\n"]);
    assertEquals(await run(500), [130, "ready\n"]);
    // as shells give it for a process that the signal ended
    assertEquals(await run(499, "SIGTERM"), [143, "ready\ntidy\n"]);
    assertEquals(await run(500, "SIGINT", "SIGTERM"), [143, "ready\n"]);
  },
});

Deno.test({
  name: `interruption() says again and again what a task that was stopped still waits for${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    const module = new URL("./interruption.ts", import.meta.url).href;
    const { stdout } = await runDeno([
      "eval",
      `const { interruption } = await import("${module}");
        const said = Promise.withResolvers(), lines = [];
        using stop = interruption((line) => lines.push(line) === 3 && said.resolve(), "the trainer mine is waited for", 40);
        setTimeout(() => Deno.kill(Deno.pid, "SIGTERM"));
        await said.promise;
        console.log(lines.join("\\n"));`,
    ]);
    const again = "Still stopping, after 0 s: the trainer mine is waited for. Ctrl-C again ends at once.\n";
    assertEquals(
      stdout,
      `\nStopping: the trainer mine is waited for. Ctrl-C again ends at once.\n${again}${again}`,
    );
  },
});
