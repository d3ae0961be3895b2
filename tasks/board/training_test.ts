/** A training from the board's form to its resumption, each process with the permissions that deno.json gives its task. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { chromiumPath } from "../common/chromium.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { until, within } from "../../tests/helpers/until.ts";
import { TaskProcess } from "./control/processes.ts";
import type { Job } from "./control/control.ts";
import type { RunSummary } from "./runs/run_list.ts";

const chromium = chromiumPath();

/** Values beside the form's own, which are those of the bundled training: a step is short, and there are more than anybody waits for. */
const QUICK = {
  per_device_train_batch_size: 1,
  gradient_accumulation_steps: 1,
  logging_steps: 1,
  save_steps: 100_000,
  max_steps: 100_000,
  eval_strategy: "no",
  val_size: 0,
  plot_loss: false,
};

const PATIENCE_MS = 180_000;

/** News of a board as they come. */
class Watch {
  readonly #events: EventSource;
  jobs: Job[] = [];
  runs: RunSummary[] = [];

  constructor(address: string) {
    this.#events = new EventSource(`${address}api/events`);
    this.#events.addEventListener("runs", ({ data }) => void Object.assign(this, JSON.parse(data)));
  }

  until<T>(what: string, find: (news: Watch) => T | undefined) {
    return until(what, () => find(this), { said: () => JSON.stringify([this.jobs, this.runs]) });
  }

  close(): void {
    this.#events.close();
  }
}

/** Fills the form in a browser, tries, starts, watches the curve grow, stops. */
async function trainInBrowser(address: string, file: string, output: string, watch: Watch): Promise<void> {
  const { chromium: driver } = await import("playwright-core");
  const browser = await driver.launch({ executablePath: chromium!, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    // a process that reads a model takes its time where other tests run too
    page.setDefaultTimeout(PATIENCE_MS);
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(`${address}#/new`);
    await page.locator(".key").first().waitFor();
    assertStringIncludes(await page.locator(".side pre").first().innerText(), "fixtures/constraints/model");
    await page.locator('input[type="file"]').setInputFiles(file);
    await page.locator(".side pre", { hasText: "max_steps: 100000" }).waitFor();
    // by keyboard, and a value that isn't one is told at its key
    const find = page.getByLabel("Find a key");
    await find.fill("logging_steps");
    await page.locator("#key-logging_steps").fill("often");
    await page.keyboard.press("Tab");
    await page.locator(".key .wrong", { hasText: "number is needed: current value is often" }).waitFor();
    await page.locator("#key-logging_steps").fill("1");
    await page.keyboard.press("Tab");
    await find.fill("");
    // what must be given is told once, by the key's help
    const needed = page.locator(".key", { has: page.locator('#key-output_dir[aria-required="true"]') });
    assertEquals((await needed.innerText()).match(/must be given/g)?.length, 1);
    await page.locator("#key-output_dir").fill(output);
    await page.keyboard.press("Tab");
    const start = page.locator("button.main", { hasText: "Start" });
    assert(await start.isDisabled(), "nothing starts untried");
    await page.locator("button", { hasText: "Dry run" }).press("Enter");
    await start.and(page.locator(":enabled")).waitFor();
    await page.locator(".side td", { hasText: "100000" }).waitFor();
    await start.press("Enter");
    await page.locator(".job .note", { hasText: /\d+ of 100000.*loss/ }).waitFor();
    await page.locator(".job a", { hasText: "curves" }).click();
    const plot = page.locator('[role="img"][aria-label^="Loss over step of 1 runs"]');
    await plot.waitFor();
    const { step, secondsLeft, values } = await watch.until(
      "a running step with its memory",
      ({ runs }) =>
        runs.find(({ step, state, values }) =>
          state === "running" && (step ?? 0) >= 2 && values.memory && values.throughput
        ),
    );
    assert(secondsLeft !== null && secondsLeft > 0, "time left");
    assert(values.throughput! > 0 && values.memory! > 1 << 20, JSON.stringify(values));
    for (const name of ["Tokens a second", "Memory", "Reward margin", "Learning rate"]) {
      await page.locator(`section[aria-label="${name}"]`).waitFor();
    }
    const before = await plot.getAttribute("aria-label");
    await watch.until("another step", ({ runs }) => runs.find((run) => (run.step ?? 0) > step!));
    const loss = page.locator('[role="img"][aria-label^="Loss over"]');
    await loss.and(page.locator(`:not([aria-label=${JSON.stringify(before)}])`)).waitFor();
    await page.goto(`${address}#/new`);
    await page.locator(".job button", { hasText: "Stop" }).click();
    await page.locator(".job .chip", { hasText: "ended" }).waitFor();
    assertEquals(faults, []);
  } finally {
    await browser.close();
  }
}

Deno.test(
  `a training is tried, started, watched, stopped and resumed from the board${
    chromium ? "" : " [in part: no chromium here, so over HTTP only]"
  }`,
  async () => {
    const folder = temporaryFolder(), output = join(folder, "first"), file = join(folder, "quick.yaml");
    const process = new TaskProcess("board", [folder, "--control", "--port", "0"]);
    const address = await within("the board's address", process.firstLine, { said: () => process.log });
    assert(address !== null, process.log);
    const watch = new Watch(address);
    const { origin } = new URL(address);
    const post = async (path: string, body: unknown) => {
      const headers = { "content-type": "application/json", origin };
      const reply = await fetch(`${address}api/control/${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      return { status: reply.status, ...await reply.json() };
    };
    const overHttp = async (values: Record<string, unknown>, isEnough: (run: RunSummary) => boolean) => {
      assertEquals((await post("start", { file: values })).status, 409);
      const tried = await post("dry_run", { file: values });
      assertEquals([tried.status, tried.estimate?.steps], [200, 100_000], tried.error);
      const { id, run } = await post("start", { file: values });
      assertEquals(run, "0:first");
      const far = await watch.until(
        "a run that is far enough",
        ({ runs }) => runs.find((one) => one.id === run && one.state === "running" && isEnough(one)),
      );
      assertEquals((await post("stop", { id })).status, 200);
      return { id, far };
    };
    try {
      const { start } = await (await fetch(`${address}api/control/form`)).json();
      assertEquals(start.output_dir, join(folder, "run-1"));
      const values = { ...start, ...QUICK, output_dir: output };
      await Deno.writeTextFile(file, JSON.stringify({ ...values, output_dir: null }));
      const wrong = await post("dry_run", { file: { ...values, lora_rnak: 8 } });
      assertEquals(
        [wrong.status, wrong.error.startsWith("Cannot use the unknown key")],
        [400, true],
        wrong.error,
      );
      if (chromium) {
        await trainInBrowser(address, file, output, watch).catch(async (error: Error) => {
          const { log } = await (await fetch(`${address}api/control/log?id=1`)).json();
          throw new Error(`${error.message}\nThe training printed:\n${log}`, { cause: error });
        });
      } else await overHttp(values, ({ step }) => (step ?? 0) >= 2);

      // what was stopped is saved
      const ended = await watch.until(
        "the training's end",
        ({ jobs }) => jobs.find(({ id, code }) => id === 1 && code !== null),
      );
      assertEquals(ended.name, output);
      const stopped = await watch.until(
        "a run that is stopped",
        ({ runs }) => runs.find(({ id, state }) => id === "0:first" && state === "stopped"),
      );
      const { checkpoints, config } = await (await fetch(`${address}api/run?run=0:first`)).json();
      assertEquals(checkpoints.map(({ step }: { step: number }) => step), [stopped.step]);
      assert(checkpoints[0].bytes > 1000 && config.max_steps === 100_000);

      // and goes on from there
      const { id, far } = await overHttp(
        { ...values, resume_from_checkpoint: true },
        ({ step }) => step! > stopped.step!,
      );
      assert(far.step! > stopped.step!);
      await watch.until(
        "the end of what goes on",
        ({ jobs }) => jobs.find((job) => job.id === id && job.code !== null),
      );
      const lines = (await Deno.readTextFile(join(output, "trainer_log.jsonl"))).trim().split("\n");
      const steps = lines.map((line) => JSON.parse(line).current_steps);
      // one line a step: none is done twice, none is left out
      assertEquals(steps, steps.map((_, i) => i + 1));
      const { log } = await (await fetch(`${address}api/control/log?id=${id}`)).json();
      assertStringIncludes(log, `checkpoint-${stopped.step}`);
    } finally {
      watch.close();
      process.stop();
      await within("the board's end", process.ended, { said: () => process.log });
    }
    assertEquals(process.code, 0, process.log);
  },
);
