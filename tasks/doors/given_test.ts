import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { givenTexts } from "./given.ts";

Deno.test("givenTexts() has every text that a key may end with; what can't be read has none", () => {
  const folder = temporaryFolder();
  const [file, other] = ["a.yaml", "other.yaml"].map((name) => join(folder, name));
  Deno.writeTextFileSync(
    file!,
    "output_dir: one\ncache: {path: deep}\nevaluator: {out_dir: in}\nlist: [x]\n",
  );
  Deno.writeTextFileSync(other!, "output_dir: fallback\n");
  const args = [
    file!,
    "output_dir=two",
    "seed=1",
    "--out",
    "t1",
    "--out=t2",
    "cache.path=dots",
    "cache={path: map}",
  ];
  const given = givenTexts(args, other!);
  assertEquals(given.of("output_dir", "seed", "list", "none"), ["one", "two"]);
  assertEquals(given.of("cache", "cache.path"), ["deep", "dots", "map"]);
  assertEquals(given.flag("out"), ["t1", "t2"]);
  assertEquals(given.words, [file!, "t1"]);
  assertEquals(givenTexts([file!], null, "evaluator").of("out_dir", "output_dir"), ["in"]);
  assertEquals(givenTexts(["output_dir=two", "output_dir=[", "--dry-run"], other!).of("output_dir"), [
    "fallback",
    "two",
  ]);
  Deno.writeTextFileSync(file!, "a: [");
  assertEquals(givenTexts([file!, "/not/there"], null).of("a"), []);
});
