/** CFBench's reading of what judges write, worked out by hand. */
import { assertEquals } from "@std/assert";
import { cfbenchItem, readCfbench, readCfbenchJson } from "./cfbench.ts";
import { criteriaItem } from "./_made_item.ts";

Deno.test("fixed mode reads numbered, shuffled, repeated and differently ended entries", () => {
  const one = criteriaItem(["甲要求", "主需"], ["乙要求。", "次需"], ["乙要求。", "次需"]);
  const scores = (text: string) => readCfbench(one, text, "fixed").constraints.map((v) => v.score);
  assertEquals(scores("1. 甲要求\\t1\n2. 乙要求\\t0\n3. 乙要求\\t1"), [1, 0, 1]);
  assertEquals(scores("乙要求。\t0\n甲要求\t1\n乙要求。\t1"), [1, 0, 1]);
  assertEquals(scores("甲要求\t1\n甲要求\t0"), [0, null, null]); // the last answer wins
  assertEquals(scores("甲\t1\n乙\t0\n丙\t1"), [1, 0, 1]); // other texts, as many lines: by place
  assertEquals(scores("甲要求\t0.5\n乙要求。\t2"), [null, null, null]);
  for (const form of "**V**|得分：V|V分|[V]|【V】|**得分：V分**|V。|（V）".split("|")) {
    const line = (text: string, score: number) => `${text}\t${form.replace("V", String(score))}`;
    const text = [line("甲要求", 1), line("乙要求。", 0), line("乙要求。", 1)].join("\n\n");
    assertEquals(scores(text), [1, 0, 1], text);
    assertEquals(readCfbench(one, text, "upstream").listed, [], text); // as the released code
  }
  assertEquals(scores("甲要求\t1/1分\n乙要求。\t10分\n乙要求。\t0或1"), [null, null, null]);
  const json = '{"tag": "t", "explanations": ["", "", ""], "scores": [1, 0, 1]}';
  assertEquals(readCfbenchJson(one, json, "t").constraints.map((v) => v.score), [1, 0, 1]);
  assertEquals(readCfbenchJson(one, json.replace("0", "2"), "t").reading, "none");
  assertEquals(scores(json), [null, null, null]); // JSON counts only where it was asked for
});

Deno.test("fixed mode knows criteria of several lines, and a line that isn't 0 or 1 gives its place to no other", () => {
  const one = criteriaItem(["输出格式为：\n1. <分段主题>\n2. <分段摘要>", "主需"], ["不超过100字", "次需"], [
    "用中文",
    "次需",
  ]);
  const scores = (text: string) => readCfbench(one, text, "fixed").constraints.map((v) => v.score);
  // `2. <分段摘要>` is the first criterion's last line, not the second criterion
  assertEquals(scores("输出格式为：\n1. <分段主题>\n2. <分段摘要>\t1\n不超过100字\t0"), [1, 0, null]);
  assertEquals(scores("用中文\t1\n输出格式为：1. <分段主题> 2. <分段摘要>\t0"), [0, null, 1]);
  const two = criteriaItem(["甲", "主需"], ["乙", "次需"]);
  assertEquals(readCfbench(two, "一\t满足\n二\t1\n二\t0", "fixed").constraints.map((v) => v.score), [
    null,
    0,
  ]);
  assertEquals(readCfbench(two, "a\t5\nb\t1\nc\t0", "fixed").constraints.map((v) => v.score), [null, null]);
});

Deno.test("scores are what Python's float makes of them, and go to the criteria that they name", () => {
  const one = criteriaItem(["甲要求写满三行", "主需"], ["乙要求写明来源", "次需"], [
    "丙要求不用逗号",
    "次需",
  ]);
  const scores = (text: string) => readCfbench(one, text, "fixed").constraints.map((v) => v.score);
  for (const mode of ["fixed", "upstream"] as const) {
    const strict = "甲要求写满三行\t１\n\n乙要求写明来源\t0_0\n\n丙要求不用逗号\t1e0";
    assertEquals(readCfbench(one, strict, mode).listed, [1, 0, 1]);
  }
  // one is named, so the place of another says nothing; a few other letters still name it
  assertEquals(scores("丙要求不用逗号\t0\n写得好\t1\n写得妙\t1"), [null, null, 0]);
  assertEquals(scores("丙要求不用逗号\t0\n甲要求要写满三行\t1\n别的\t1"), [1, null, 0]);
  assertEquals(scores("3. 丙\t0\n1. 甲\t1\n2. 乙\t1"), [1, 1, 0]);
});

Deno.test("an answer that stopped at its limit gives no score in fixed mode, and what it gives in upstream mode", () => {
  const one = criteriaItem(["甲", "主需"], ["乙", "次需"]);
  const cut = readCfbench(one, "甲\t1\n\n乙\t1", "fixed", true);
  assertEquals([cut.constraints.map((v) => v.score), cut.reading, cut.cut], [[null, null], "partial", true]);
  assertEquals(readCfbench(one, "甲\t1\n\n乙\t1", "upstream", true).listed, [1, 1]);
  assertEquals(readCfbenchJson(one, '{"tag": "t", "scores": [1, 1]}', "t", true).reading, "partial");
});

Deno.test("a criterion that ends with a line break keeps its score where the reading isn't strict", () => {
  const one = cfbenchItem({
    idx: "0",
    prompt: "q",
    gold: "",
    split: "easy",
    criteria: [["使用三个句子\n", "主需"], ["不使用学术论文的形式", "次需"]],
  });
  const scores = (text: string) => readCfbench(one, text, "fixed").constraints.map((v) => v.score);
  assertEquals(scores("使用三个句子\n\t0\n不使用学术论文的形式\t1"), [0, 1]);
  assertEquals(scores("使用三个句子\r\n\t1\r\n\r\n不使用学术论文的形式\t0"), [1, 0]);
  assertEquals(scores("使用三个句子\n\t是\n不使用学术论文的形式\t1"), [null, 1]);
});
