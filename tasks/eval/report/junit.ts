/**
 * junit.xml, for systems that show test results: the thresholds are one suite, the items another. An item that doesn't pass is
 * a failure, one without a score is skipped, one without an answer an error.
 * @module
 */
import { AtomicFile } from "../../../formats/atomic.ts";
import type { Contribution } from "../../../plugins/kinds/benchmark.ts";
import type { EvalResults } from "../results/results.ts";
import type { StoredItem } from "../store/stored.ts";
import { thresholdText } from "../results/thresholds.ts";
import { statusOf } from "./browser_data.ts";
import { fileWriter, type ItemWriter } from "./item_writer.ts";
import type { PageSurvey } from "./page_survey.ts";
import { isShare, valueText } from "./text.ts";

/** Characters that XML 1.0 has no way to write, lone surrogates among them. */
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const MARKS: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
  "\r": "&#13;",
  "\t": "&#9;",
};

/** Text for an attribute or an element. */
export function xmlText(text: string): string {
  return text.replaceAll(NOT_XML, "\ufffd").replaceAll(/[&<>"\n\r\t]/g, (c) => MARKS[c] ?? c);
}

/** Attributes of a suite, as they are written. */
type SuiteCounts = Record<"tests" | "failures" | "errors" | "skipped", number>;

/** Writes the file; `survey` has seen every item. */
export function junitWriter(path: string, results: EvalResults, survey: PageSurvey): ItemWriter {
  const { statuses, total } = survey;
  const name = xmlText(`${results.model} on ${results.benchmark}`);
  const missed = (results.thresholds ?? []).filter(({ passed }) => !passed).length;
  const failed = statuses.part + statuses.fail;
  const thresholds = (results.thresholds ?? []).map((t) => {
    const text = xmlText(thresholdText(t));
    const label = `    <testcase classname="${name}" name="${xmlText(`${t.metric} >= ${t.limit}`)}"`;
    return t.passed ? `${label}/>\n` : `${label}><failure message="${text}"/></testcase>\n`;
  });
  const suite = (title: string, counts: SuiteCounts) =>
    `  <testsuite name="${title}" ${
      Object.entries(counts).map(([what, count]) => `${what}="${count}"`).join(" ")
    }>\n`;
  const head =
    `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${name}" tests="${
      total + thresholds.length
    }" failures="${failed + missed}" errors="${statuses.unanswered}" skipped="${statuses.unscored}">\n` +
    (thresholds.length === 0
      ? ""
      : `${suite("thresholds", { tests: thresholds.length, failures: missed, errors: 0, skipped: 0 })}${
        thresholds.join("")
      }  </testsuite>\n`) +
    suite("items", {
      tests: total,
      failures: failed,
      errors: statuses.unanswered,
      skipped: statuses.unscored,
    });
  return fileWriter(
    new AtomicFile(path),
    head,
    "  </testsuite>\n</testsuites>\n",
    (stored, contributions) => testcase(stored, contributions, name, results.headline.metric),
  );
}

function testcase(
  stored: StoredItem,
  contributions: readonly Contribution[],
  className: string,
  headline: string,
): string {
  const { item, answer, judged, judgement } = stored;
  const { status, value } = statusOf(stored, contributions);
  const seconds = ((answer?.ms ?? 0) + (judged?.ms ?? 0)) / 1000;
  const label = `    <testcase classname="${className}" name="${xmlText(item.id)}" time="${
    seconds.toFixed(3)
  }"`;
  if (status === "pass") return `${label}/>\n`;
  if (status === "unanswered") return `${label}><error message="no answer"/></testcase>\n`;
  const verdicts = item.constraints.flatMap(({ text }, i) => {
    const verdict = judgement?.constraints[i];
    if (verdict === undefined || verdict.score === null) {
      return [`unscored: ${text} (${verdict?.reason ?? "no verdict"})`];
    }
    return [`${verdict.score}: ${text}${verdict.reason === undefined ? "" : ` (${verdict.reason})`}`];
  });
  const score = { value, max: contributions[0]?.max ?? 1 };
  const scale = isShare(score) ? "" : ` of ${score.max}`;
  const why = judged?.error ?? answer?.completion.error ?? "";
  const text = xmlText([...(why === "" ? [] : [why]), ...verdicts].join("\n"));
  return status === "unscored"
    ? `${label}><skipped message="${text}"/></testcase>\n`
    : `${label}><failure message="${
      xmlText(`${headline} is ${valueText(score)}${scale}`)
    }">${text}</failure></testcase>\n`;
}
