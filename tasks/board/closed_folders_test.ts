/** Folders that the board's user may not read. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { beginBoard } from "./_begun_board.ts";
import { makeRun } from "./_made_runs.ts";
import { Folders } from "./folders.ts";
import { closedText } from "./page/news.js";

/** A folder that nobody may read; null where this user, as root, may read any. */
function closedFolder(): string | null {
  const folder = join(temporaryFolder(), "closed");
  Deno.mkdirSync(folder);
  Deno.chmodSync(folder, 0o000);
  try {
    Deno.readDirSync(folder);
    return null;
  } catch {
    return folder;
  }
}

const closed = Deno.build.os === "windows" ? null : closedFolder();

Deno.test("the page says how many folders may not be read, beside that it has no runs", () => {
  assertEquals([0, 1, 2].map((closed) => closedText({ closed })), [
    "",
    "1 folder may not be read by the user of the board, so what is in it isn't shown.",
    "2 folders may not be read by the user of the board, so what is in them isn't shown.",
  ]);
});

Deno.test({
  name: `a folder that may not be read is told, and shows no empty board${
    closed === null ? " (this user may read any)" : ""
  }`,
  ignore: closed === null,
  fn: async () => {
    // the temporary folder is removed at the end
    using _opened = { [Symbol.dispose]: () => Deno.chmodSync(closed ?? "", 0o700) };
    assertThrows(
      () => new Folders([closed ?? ""]),
      RangeError,
      `Cannot show ${closed} as a folder that may be read is needed: current value is closed to this user`,
    );
    const outer = join(closed ?? "", ".."), notes: string[] = [];
    makeRun(join(outer, "good"), 3);
    await using board = await beginBoard([outer], { note: (line) => notes.push(line) });
    const events = await fetch(`${board.address}api/events`);
    for await (const chunk of events.body ?? []) {
      assertStringIncludes(new TextDecoder().decode(chunk), '"closed":1');
      break;
    }
    assertEquals(notes, [
      `1 folder may not be read by this user, so runs in it aren't shown: ${Deno.realPathSync(outer)}/closed`,
    ]);
  },
});
