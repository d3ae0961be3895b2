import { assert, assertEquals } from "@std/assert";

import {
  csvTable,
  latexTable,
  latexText,
  markdownTable,
  terminalWidth,
  textTable,
  wrapped,
} from "./table.ts";

const columns = [
  { title: "score", align: "left" as const },
  { title: "value" },
  { title: "std. error", spare: 2 },
  { title: "items", spare: 1 },
];
const rows = [["followed_constraints", "0.5", "0.123", "9"], ["中文分组", "−1", "0", "10"]];

Deno.test("textTable() aligns, counts wide characters twice and leaves nothing out where there is room", () => {
  assertEquals(textTable({ columns, rows }, 80), [
    "score                 value  std. error  items",
    "followed_constraints    0.5       0.123      9",
    "中文分组                 −1           0     10",
  ]);
});

Deno.test("textTable() leaves out spare columns by their number and says so, then shortens the first", () => {
  assertEquals(textTable({ columns, rows }, 36).at(-1), "(left out at this width: std. error)");
  const narrow = textTable({ columns, rows }, 20);
  assertEquals(narrow.slice(0, 3), ["score          value", "followed_con…    0.5", "中文分组          −1"]);
  assertEquals(narrow.slice(3), ["(left out at this", "  width: std. error,", "  items)"]);
  assert(narrow.every((line) => line.length <= 20));
});

Deno.test("textTable() puts columns that can't be left out below each other where a line has no room for them", () => {
  const columns = [
    { title: "run", align: "left" as const },
    { title: "loss" },
    { title: "margin" },
    { title: "state", align: "left" as const },
  ];
  const rows = [["smoke/a", "0.6931", "0.9444", "finished"], ["smoke/b", "0.7000", "–", "stopped at 3 of 9"]];
  assertEquals(textTable({ columns, rows }, 26), [
    "run        loss  margin",
    "smoke/a  0.6931  0.9444",
    "smoke/b  0.7000       –",
    "",
    "run      state",
    "smoke/a  finished",
    "smoke/b  stopped at 3 of 9",
  ]);
  // with the first one shortened all the others have room
  assertEquals(textTable({ columns, rows }, 39)[1], "smo…  0.6931  0.9444  finished");
  assert(textTable({ columns, rows }, 12).every((line) => line.length <= 12));
});

Deno.test("markdownTable(), csvTable() and latexTable() can't be broken by what cells say", () => {
  const table = { columns: columns.slice(0, 2), rows: [['a|b, "c"\n50%_&', "=1+1"], ["-0.5", "+0.1"]] };
  assertEquals(markdownTable(table)[2], '| a\\|b, "c" 50%\\_& | =1+1 |');
  assertEquals(csvTable(table), `score,value\r\n"a|b, ""c""\n50%_&",'=1+1\r\n-0.5,+0.1\r\n`);
  const row = (cells: string[]) => latexTable({ columns: columns.slice(0, 2), rows: [cells] }).split("\n")[5];
  assertEquals(row(['a|b, "c"\n50%_&', "=1+1"]), 'a\\textbar{}b, "c" 50\\%\\_\\& & =1+1 \\\\');
  // a row that begins like an argument of \midrule or of the row before, a sign, ranges and exponents
  assertEquals(
    row(["[q_proj,v_proj]", "-0.5 [-1.2, 3e-4]"]),
    "{}[q\\_proj,v\\_proj] & $-$0.5 [$-$1.2, 3e-4] \\\\",
  );
  assertEquals(row(["*", "69.6–71.9"]), "{}* & 69.6--71.9 \\\\");
  assertEquals(latexText("\\x{^}~"), "\\textbackslash{}x\\{\\textasciicircum{}\\}\\textasciitilde{}");
});

Deno.test("wrapped() keeps to the width", () => {
  const lines = wrapped(["worse:", ...Array.from({ length: 30 }, (_, i) => `row-${i},`), "x".repeat(99)], 40);
  assert(lines.length > 4 && lines.every((line) => line.length <= 40), lines.join("\n"));
  assert(lines.slice(1).every((line) => line.startsWith("  ")));
});

Deno.test("terminalWidth() is 80 where the terminal has no size, or none that may be looked at", () => {
  assertEquals(terminalWidth(() => 0), 80);
  assertEquals(terminalWidth(() => 40), 40);
  assertEquals(
    terminalWidth(() => {
      throw new Error("no terminal");
    }),
    80,
  );
});
