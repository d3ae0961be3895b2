import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { fakeStepReport, goldenJson, logAt } from "../../../../tests/helpers/fake_reports.ts";
import { crc32c } from "./crc32c.ts";
import { csvReporter } from "./csv_log.ts";
import type { Report } from "./reporter.ts";
import { tensorboardReporter } from "./tensorboard.ts";
import { temporaryFolder } from "../../../../tests/helpers/temporary_folder.ts";

Deno.test("crc32c() gives the check value and RFC 3720's examples", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

Deno.test("an event file equals TensorBoard's own writer's byte for byte, written at once or appended", () => {
  const { startedAt, reports, file } = goldenJson("tensorboard.json") as {
    startedAt: number;
    reports: Report[];
    file: string;
  };
  const hex = (path: string) =>
    Array.from(Deno.readFileSync(path), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const directory = join(temporaryFolder(), "runs");
  const atOnce = tensorboardReporter(directory);
  assertEquals(atOnce.path, null);
  atOnce.rewrite(reports, startedAt);
  assertEquals(hex(atOnce.path!), file);
  const appended = tensorboardReporter(directory);
  appended.rewrite(reports.slice(0, 1), startedAt);
  assert(hex(appended.path!).length < file.length);
  appended.append(reports[1]!);
  assertEquals(appended.path, atOnce.path);
  assertEquals(hex(appended.path!), file);
});

Deno.test("metrics.csv has a line a value, and a resumed run drops what came after the checkpoint", () => {
  const outputDir = temporaryFolder();
  const first = logAt({ include_num_input_tokens_seen: false }, {
    outputDir,
    reporters: [csvReporter(outputDir)],
  });
  first.log.step(fakeStepReport(1));
  const state = JSON.parse(JSON.stringify(first.log.state()));
  first.log.step(fakeStepReport(2));
  const second = logAt({ include_num_input_tokens_seen: false }, {
    outputDir,
    reporters: [csvReporter(outputDir)],
  });
  second.log.restore(state);
  second.log.evaluation(1, 1 / 6, { eval_loss: 0.5, 'eval_a"b': 1 });
  assertEquals(Deno.readTextFileSync(join(outputDir, "metrics.csv")).split("\n"), [
    "step,epoch,name,value",
    "1,0.16666666666666666,train/loss,1",
    `1,0.16666666666666666,train/grad_norm,${1 + 1 / 7}`,
    "1,0.16666666666666666,train/learning_rate,0.01",
    "1,0.16666666666666666,eval/loss,0.5",
    '1,0.16666666666666666,"eval/a""b",1',
    "",
  ]);
});
