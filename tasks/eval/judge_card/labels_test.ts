import { assert, assertEquals, assertThrows } from "@std/assert";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { Labels } from "./labels.ts";

Deno.test("a mark that isn't as it was set is refused by its line, whichever byte it is; one of an earlier version is read", () => {
  const folder = temporaryFolder(), path = `${folder}/labels.jsonl`;
  const labels = new Labels(folder);
  for (const constraint of [0, 1]) {
    labels.add({ id: "7", constraint, label: "right", met: true }, "the answer");
  }
  assertEquals(new Labels(folder).of("7", "the answer").map(({ constraint }) => constraint), [0, 1]);
  const whole = Deno.readFileSync(path), end = whole.indexOf(10);
  // from its sum on it may pass for a line of an earlier version, whose fields are as they were
  for (let place = 0; place < end - 18; place++) {
    const bytes = whole.slice();
    bytes[place]! ^= 1;
    Deno.writeFileSync(path, bytes);
    const { message } = assertThrows(() => new Labels(folder), RangeError);
    assert(message.startsWith(`Cannot read ${path}, line 1 as a mark: current value is `), message);
    assert(message.endsWith("; restore the file, or remove that line and mark it again"), message);
  }
  const text = new TextDecoder().decode(whole).replaceAll(/,"sum":"\w{8}"/g, "");
  Deno.writeTextFileSync(path, text);
  assertEquals(new Labels(folder).of("7", "the answer").length, 2);
});

Deno.test("a mark behind one that a kill cut off stands by itself", () => {
  const folder = temporaryFolder(), path = `${folder}/labels.jsonl`;
  const mark = (constraint: number) =>
    new Labels(folder).add({ id: "7", constraint, label: "right", met: true }, "the answer");
  mark(0);
  const whole = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, whole + whole.slice(0, 20));
  mark(1);
  assertEquals(new Labels(folder).of("7", "the answer").map(({ constraint }) => constraint), [0, 1]);
});
