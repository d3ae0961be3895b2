/**
 * Sentences behind a list of scores that take one back: `On reflection, constraint 2 deserves a 6`. What the list says of that
 * constraint doesn't hold any more, and the new score is said in too many ways to be read.
 * @module
 */
import { lineScore } from "./line_score.ts";
import { type NamedScore, unread } from "./named_scores.ts";
import { ENDS, namesOf, referencesIn, withoutReferences } from "./prose/references.ts";
import { hasNumber } from "./prose/remarks.ts";

const CUE = new RegExp(
  String
    .raw`\b(?:on (?:reflection|second thoughts?)|actually|wait|correction|correcting|revis(?:e|ed|ing)|adjust(?:ed|ing)?|chang(?:e|ed|ing)|` +
    String
      .raw`lower(?:ed|ing)?|rais(?:e|ed|ing)|should (?:be|have been|get|rather)|instead|make that|reconsider\w*|downgrad\w*|upgrad\w*|might|could|but|however)\b|` +
    "不过|但|然而|只值|只能|也可以?给|更正|修正|重新|改为|改成|改给|不对|应为|应改|应当为|应该是|调整|下调|上调|再想",
  "i",
);

/**
 * Entries without a score for the constraints whose scores are taken back in a text; a line that gives a score is no such sentence.
 * @param text Folded, its constraints hidden.
 */
export function retractionsIn(text: string, scale: number): NamedScore[] {
  return text.split("\n").flatMap((line) => line.split(ENDS)).filter((sentence) =>
    CUE.test(sentence) && hasNumber(withoutReferences(sentence)) &&
    lineScore(`${sentence}\n`, scale) === undefined
  ).flatMap((sentence) =>
    referencesIn(sentence).map((reference) => ({ ...unread(...namesOf(reference)), numbered: true }))
  );
}
