/** No file of a checkpoint is taken as it is when something else was at it. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { damagesOf } from "../../../../tests/helpers/damages.ts";
import { listCheckpoints } from "./checkpoint_directory.ts";
import { checkCheckpoint, readCheckpoint } from "./checkpoint.ts";
import { CHECKSUMS, writeChecksums } from "./checksums.ts";
import { runTinyLoop } from "../../../../tests/helpers/behaviour_run.ts";

const OWN = [
  "adapter_config.json",
  "adapter_model.safetensors",
  "dinotune_state.json",
  "optimizer.safetensors",
];
const FILES = [...OWN, "reference_logps.json", "trainer_state.json"];

async function withCheckpoint(use: (path: string) => void): Promise<void> {
  await runTinyLoop({ save_steps: 6 }, async (result, { config, log }) => {
    log.checkpointFiles = () => ({
      "trainer_state.json": JSON.stringify(
        { global_step: 6, log_history: [{ step: 6, loss: 0.5 }] },
        null,
        2,
      ),
    });
    await result();
    const [{ path } = { path: "" }] = listCheckpoints(config.output_dir);
    assertEquals([...Deno.readDirSync(path)].map(({ name }) => name).sort(), [...FILES, CHECKSUMS].sort());
    use(path);
  });
}

Deno.test("every file of a checkpoint that is cut, emptied, replaced or has a flipped byte is refused by its name, with what to do", async () => {
  await withCheckpoint((path) => {
    for (const name of [...FILES, CHECKSUMS]) {
      const whole = Deno.readFileSync(join(path, name));
      for (const { what, bytes } of damagesOf(whole)) {
        Deno.writeFileSync(join(path, name), bytes);
        const { message } = assertThrows(() => readCheckpoint(path), RangeError);
        // a flipped byte of the sums may be one of any file's
        const named = name === CHECKSUMS
          ? /^Cannot resume from .* as \S+ is damaged: /
          : `as ${name} is damaged: `;
        assert(
          typeof named === "string" ? message.includes(named) : named.test(message),
          `${what}: ${message}`,
        );
        assert(
          message.includes(
            "an earlier checkpoint as resume_from_checkpoint, or start again in another output_dir",
          ),
        );
        // the best weights are put back of a checkpoint that is as whole
        assertThrows(() => checkCheckpoint(path), RangeError, "is damaged: ");
      }
      Deno.writeFileSync(join(path, name), whole);
    }
    Deno.removeSync(join(path, CHECKSUMS));
    assertThrows(() => checkCheckpoint(path), RangeError, `${CHECKSUMS} is damaged: it is missing`);
  });
});

Deno.test("a checkpoint's JSON of another form is refused where its sums agree, as those of earlier versions may", async () => {
  await withCheckpoint((path) => {
    const whole = (name: string) => JSON.parse(Deno.readTextFileSync(join(path, name)));
    const state = whole("dinotune_state.json"), trainer = whole("trainer_state.json");
    const references = whole("reference_logps.json");
    const change = (name: string, value: unknown, form = 2) => {
      Deno.writeTextFileSync(join(path, name), typeof value === "string" ? value : JSON.stringify(value));
      writeChecksums(path, FILES);
      if (form === 1) Deno.removeSync(join(path, CHECKSUMS));
      return assertThrows(() => readCheckpoint(path), RangeError).message;
    };
    const damaged = (name: string, why: string) => `Cannot resume from ${path} as ${name} is damaged: ${why}`;
    const table: [string, unknown, string][] = [
      [
        "dinotune_state.json",
        { ...state, step: "6" },
        'step: a number is needed: current value is "6"',
      ],
      ["dinotune_state.json", { ...state, step: undefined }, "step: is missing"],
      [
        "dinotune_state.json",
        { ...state, best: { step: 2, value: null, patience: 0 } },
        "best.value: a number is needed: current value is null",
      ],
      [
        "dinotune_state.json",
        { ...state, packRows: 0 },
        "packRows: a number >= 1 is needed: current value is 0",
      ],
      ["dinotune_state.json", { ...state, dataHash: 1 }, "dataHash: a text is needed: current value is 1"],
      ["dinotune_state.json", "{", "it isn't JSON ("],
      [
        "reference_logps.json",
        { ...references, "train:0": { chosen: null } },
        "train:0.chosen: a number is needed: current value is null",
      ],
      ["reference_logps.json", [1], "its top: a map is needed: current value is [1]"],
      ["reference_logps.json", "", "it isn't JSON ("],
      [
        "trainer_state.json",
        { ...trainer, global_step: 4 },
        "its global_step must be the checkpoint's, 6: current value is 4",
      ],
      [
        "trainer_state.json",
        { ...trainer, log_history: {} },
        "log_history: a list is needed: current value is {}",
      ],
      [
        "trainer_state.json",
        { ...trainer, log_history: [1] },
        "log_history.0: a map is needed: current value is 1",
      ],
      ["trainer_state.json", "[]", "its top: a map is needed: current value is []"],
    ];
    for (const [name, value, why] of table) {
      const kept = Deno.readTextFileSync(join(path, name));
      const message = change(name, value);
      assert(message.startsWith(damaged(name, "")) && message.includes(why), message);
      Deno.writeTextFileSync(join(path, name), kept);
    }
    for (const format of [undefined, 3, "2", null]) {
      const message = change("dinotune_state.json", { ...state, format });
      assert(message.includes("this version reads checkpoints of format 2: current value is"), message);
    }
    assert(
      change("dinotune_state.json", { ...state, format: 1, step: -1 }, 1).includes(
        "step: a number >= 0 is needed: current value is -1",
      ),
    );

    Deno.writeTextFileSync(join(path, "dinotune_state.json"), JSON.stringify(state));
    writeChecksums(path, FILES);
    readCheckpoint(path);
    // a resumed run writes trainer_state.json again, and needs none
    const other = Deno.readTextFileSync(join(path, "trainer_state.json"));
    Deno.writeTextFileSync(join(path, "trainer_state.json"), "{}");
    const { message } = assertThrows(() => readCheckpoint(path), RangeError);
    assert(
      message.includes(". Remove that file, which a resumed run writes again, name an earlier checkpoint"),
      message,
    );
    Deno.removeSync(join(path, "trainer_state.json"));
    readCheckpoint(path);
    // and earlier versions kept no sum of it
    Deno.writeTextFileSync(join(path, "trainer_state.json"), other);
    writeChecksums(path, FILES.filter((name) => name !== "trainer_state.json"));
    readCheckpoint(path);
    Deno.writeTextFileSync(join(path, "trainer_state.json"), other.slice(0, -9));
    assertThrows(() => readCheckpoint(path), RangeError, "trainer_state.json is damaged: it isn't JSON");
  });
});
