/** The board over HTTP: curves of runs that are written meanwhile. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { lockDirectory } from "../../formats/directory_lock.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { makeRun, trainerLogLine } from "./_made_runs.ts";
import { beginBoard } from "./_begun_board.ts";

Deno.test("curves grow with the log, by steps, tokens or time, and a run that is restarted starts over", async () => {
  const folder = temporaryFolder(), run = makeRun(join(folder, "a"), 2), log = join(run, "trainer_log.jsonl");
  await using board = await beginBoard([folder]);
  const events = new EventSource(`${board.address}api/events`);
  const told: { runs: { state: string; step: number; values: Record<string, number> }[] }[] = [];
  events.addEventListener("runs", ({ data }) => void told.push(JSON.parse(data)));
  const toldOf = (what: string, fits: (run: typeof told[0]["runs"][0]) => boolean) =>
    until(what, () => told.at(-1)?.runs.find(fits), { said: () => JSON.stringify(told) });
  const curves = async (query: string) =>
    await (await fetch(`${board.address}api/curves?run=0:a&${query}`)).json();
  try {
    assertEquals((await toldOf("the run", () => true)).state, "stopped");
    {
      using _lock = lockDirectory(run, "write to");
      // half a line is no line yet
      const [third, fourth] = [trainerLogLine(3, { "rewards/margins": 2.5 }), trainerLogLine(4)];
      Deno.writeTextFileSync(log, third + fourth.slice(0, 20), { append: true });
      // a look that began before the lock was there still reads what was written behind it
      const { values } = await toldOf("step 3", ({ step, state }) => step === 3 && state === "running");
      assertEquals(values["rewards/margins"], 2.5);
      Deno.writeTextFileSync(log, fourth.slice(20), { append: true });
      await toldOf("step 4", ({ step }) => step === 4);
    }
    const loss = await curves("name=loss");
    assertEquals(loss, {
      x: [1, 2, 3, 4],
      lines: [[1, 1 / 2, 1 / 3, 1 / 4]],
      exact: true,
      logged: [],
      range: [1, 4],
    });
    assertEquals((await curves("name=loss&over=tokens")).x, [1000, 2000, 3000, 4000]);
    assertEquals((await curves("name=loss&over=time")).x, [10, 20, 30, 40]);
    assertEquals(await curves("name=rewards/margins"), {
      x: [3],
      lines: [[2.5]],
      exact: true,
      logged: [],
      range: [3, 3],
    });
    assertEquals((await curves("name=loss&from=2&to=2.5")).x, [1, 2, 3]);
    // 0.5 · 1 / 0.5; (0.5 · 0.5 · 1 + 0.5 · 0.5) / 0.75
    assertEquals((await curves("name=loss&smooth=0.5&to=1")).lines, [[1, (0.25 + 0.25) / 0.75]]);
    // one bucket: its highest and lowest value with six digits; ((0.5 · 0.4166… + 0.5 · 0.25) / 0.9375)
    const ends = await curves("name=loss&smooth=0.5&points=2");
    assertEquals([ends.exact, ends.lines, ends.logged], [false, [[1, 0.355556]], []]);
    assertEquals((await curves("name=loss&smooth=0.5&points=2&logged=1")).logged, [[1, 0.25]]);
    assertEquals((await fetch(`${board.address}api/curves?run=0:a&name=loss&points=1`)).status, 400);
    const csv = await (await fetch(`${board.address}api/curves.csv?run=0:a&name=loss`)).text();
    assertEquals(csv.split("\r\n").slice(0, 3), ["run,step,loss", "a,1,1", "a,2,0.5"]);
    const svg = await (await fetch(`${board.address}api/curves.svg?run=0:a&name=loss&smooth=0.5`)).text();
    for (const text of ["loss", "step", "a", "1 training"]) assertStringIncludes(svg, `>${text}<`);
    // one line, and with what was logged behind it two
    const lines = (picture: string) =>
      picture.match(/<path aria-label="step: 1;[^>]*aria-roledescription="line mark"/g)?.length;
    assertEquals(lines(svg), 1);
    const behind = await (await fetch(
      `${board.address}api/curves.svg?run=0:a&name=loss&smooth=0.5&logged=1&log=1`,
    )).text();
    assertEquals(lines(behind), 2);
    assertStringIncludes(behind, ">0.3<");
    assertEquals((await fetch(`${board.address}api/curves.svg?run=0:a&name=gone`)).status, 404);

    Deno.writeTextFileSync(log, trainerLogLine(1, { loss: 7 }));
    await toldOf("step 1 again", ({ step }) => step === 1);
    assertEquals((await curves("name=loss")).lines, [[7]]);
    Deno.writeTextFileSync(join(run, "all_results.json"), "{}");
    await toldOf("the end", ({ state }) => state === "finished");
  } finally {
    events.close();
  }
});
