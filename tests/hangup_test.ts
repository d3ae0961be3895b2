/** Training whose terminal is closed stops with a checkpoint; behind `nohup`, without a terminal, it goes on. */
import { join } from "@std/path";

import { assertEquals, assertMatch } from "@std/assert";

import { heldLoss } from "./_held_loss.ts";
import { goldenArguments, TrainProcess } from "./_train_process.ts";
import { UNIX } from "./helpers/system.ts";
import { temporaryFolder } from "./helpers/temporary_folder.ts";

Deno.test({
  name: `SIGHUP without a terminal, as behind nohup, ends no training${UNIX.why}`,
  ignore: UNIX.ignore,
  fn: async () => {
    const folder = join(temporaryFolder(), "out"), go = join(temporaryFolder(), "go");
    const loss = heldLoss("sft");
    const args = goldenArguments(folder, "max_steps=2", "eval_strategy=no", ...loss.arguments);
    await using run = new TrainProcess(args, loss.hold(4, go));
    await run.saw("step 1/");
    run.kill("SIGHUP");
    await new Promise((done) => setTimeout(done, 200));
    Deno.writeTextFileSync(go, "");
    const { code, stdout, stderr } = await run.ended();
    assertEquals(code, 0, stdout + stderr);
    assertMatch(stderr, /step 2\/2/);
  },
});

/** Runs the command at a terminal of its own, closes that when the log has a line, and waits for the command's end, five minutes at most. */
const AT_A_TERMINAL = `
import os, pty, signal, sys, time
log, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0: os.execvp(command[0], command)
def late(*_):
    os.kill(pid, signal.SIGKILL)
    sys.exit("The command goes on without end")
signal.signal(signal.SIGALRM, late)
signal.alarm(300)
seen = b""
while not (os.path.exists(log) and os.path.getsize(log) > 0):
    try: seen += os.read(terminal, 4096)
    except OSError: break
os.close(terminal)
status = os.waitpid(pid, 0)[1]
sys.stderr.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
`;

const python = UNIX.ignore ? null : await new Deno.Command("python3", { args: ["-c", "import pty"] }).output()
  .then(({ code }) => code === 0 ? "python3" : null, () => null);

Deno.test({
  name: `a closed terminal stops a training, which saves first${python === null ? " (no python3 here)" : ""}`,
  ignore: python === null,
  fn: async () => {
    const folder = join(temporaryFolder(), "out");
    // more steps than it can take until the signal comes
    const args = goldenArguments(folder, "max_steps=100000", "save_steps=100000", "eval_strategy=no");
    const { code, stderr } = await new Deno.Command("python3", {
      args: ["-c", AT_A_TERMINAL, join(folder, "trainer_log.jsonl"), ...TrainProcess.commandLine(args)],
      cwd: new URL("../", import.meta.url).pathname,
    }).output();
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
      /^checkpoint-/.test(name)
    );
    assertEquals([code, names.length], [129, 1], new TextDecoder().decode(stderr));
  },
});
