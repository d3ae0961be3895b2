import { assertEquals } from "@std/assert";

import { Columns } from "./columns.ts";
import { showAnswers } from "./show.ts";

Deno.test("Columns print a row as soon as every column has it", () => {
  const rows: string[] = [];
  const columns = new Columns(["left", "right"], () => 19, (row) => rows.push(row));
  columns.push(0, "one two thr");
  columns.push(0, "ee\nfour");
  assertEquals(rows, ["left     │ right", "─────────┼─────────".slice(0, 8) + "─┼─" + "────────"]);
  columns.push(1, "ab");
  assertEquals(rows.length, 2, "the right side's first row may still grow");
  columns.push(1, "c\n你好你好你");
  assertEquals(rows.slice(2), ["one two  │ abc", "three    │ 你好你好"]);
  columns.end(0);
  columns.end(1);
  assertEquals(rows.slice(4), ["four     │ 你"]);
});

Deno.test("Columns follow the terminal's size and keep emoji, tabs and long words in their column", () => {
  const rows: string[] = [];
  let total = 23;
  const columns = new Columns(["a", "b"], () => total, (row) => rows.push(row));
  columns.push(0, "one two three four five six");
  total = 19;
  columns.push(1, "x\ty\n👩‍👩‍👧🇩🇪👩‍👩‍👧🇩🇪👩‍👩‍👧🇩🇪 ");
  columns.end(0);
  columns.end(1);
  assertEquals(rows.slice(2), [
    "one two  │ x    y",
    "three    │ 👩‍👩‍👧🇩🇪👩‍👩‍👧🇩🇪",
    "four     │ 👩‍👩‍👧🇩🇪",
    "five six │",
  ]);
});

Deno.test("what a model writes gives a terminal no orders", () => {
  let written = "";
  const sink = showAnswers({
    names: ["m"],
    width: null,
    isShown: true,
    colour: true,
    write: (text) => written += text,
    note() {},
  });
  sink.said(0, "a\x1b[2Jb\r\x9b\nc\td");
  sink.ended(0, null);
  assertEquals(written, "a\uFFFD[2Jb\uFFFD\uFFFD\nc\td\n");
});
