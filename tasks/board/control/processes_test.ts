import { fileURLToPath } from "node:url";

import { assertEquals } from "@std/assert";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { until, within } from "../../../tests/helpers/until.ts";
import { StartedProcess } from "./processes.ts";
import { UNIX } from "../../../tests/helpers/system.ts";

const STARTS_BOARD = fileURLToPath(new URL("./_starts_board.ts", import.meta.url));
const COUNTS = fileURLToPath(new URL("./_counts_interrupts.ts", import.meta.url));

Deno.test({
  name:
    `a task that the board is stopping hears no second Ctrl-C, neither by another Stop nor from the board's terminal${UNIX.why}`,
  ignore: UNIX.ignore,
  fn: async () => {
    const codes = await Promise.all((["stop", "stopNow"] as const).map(async (again) => {
      const process = new StartedProcess(Deno.execPath(), ["run", COUNTS], { apart: true });
      await within("its listening", process.firstLine);
      const { stdout } = await new Deno.Command("ps", { args: ["-o", "pgid=", "-p", `${process.pid}`] })
        .output();
      // a terminal's Ctrl-C goes to a group
      assertEquals(Number(new TextDecoder().decode(stdout)), process.pid);
      process.stop();
      await until("the first Ctrl-C", () => process.printed.includes("1"));
      process[again]();
      return await within("its end", process.ended);
    }));
    assertEquals(codes, [1, 2]);
  },
});

Deno.test({
  name: `a task that another process started ends with it, also where that one is killed${UNIX.why}`,
  ignore: UNIX.ignore,
  fn: async () => {
    const starter = new StartedProcess(Deno.execPath(), ["run", "-A", STARTS_BOARD, temporaryFolder()]);
    const address = await within("the board's address", starter.firstLine, { said: () => starter.log });
    const answers = () => fetch(`${address}`).then((reply) => reply.text()).then(() => true, () => false);
    assertEquals(await answers(), true);
    Deno.kill(starter.pid, "SIGKILL");
    await until("the board's end", async () => !await answers());
  },
});
