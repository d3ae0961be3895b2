/**
 * Says what a run takes from the response cache, and how old it is.
 * @module
 */
import { counted } from "../../../formats/counted.ts";
import type { BenchmarkItem } from "../../../plugins/kinds/benchmark.ts";
import type { Endpoint } from "../../../plugins/kinds/endpoint.ts";
import { samplingOf } from "../../../plugins/kinds/sampling.ts";
import type { EvalConfig } from "../config/config.ts";
import type { ModelPart } from "../parts.ts";
import { requestKey, type ResponseCache } from "../../ask/response_cache.ts";
import { answerKey } from "../store/stored.ts";
import type { FromCache } from "../results/tally.ts";

const HINT = "--fresh asks for them again";

/** Counts the answers that the cache has of items that aren't answered yet. */
export function cachedAnswers(
  cache: ResponseCache | null,
  model: ModelPart | null,
  config: EvalConfig,
  { has }: { has: (id: string, key: string) => boolean },
): {
  /** Looks at an item. */
  see: (item: BenchmarkItem) => void;
  /** Items without an answer. */
  asked: () => number;
  /** Those in front of the last answered one: an earlier start asked for nearly all of them in vain. */
  passedOver: () => number;
  /** Those of them that the cache has no answer for either. */
  missing: () => number;
  /** Line for the user; null without any answer from the cache. */
  text: () => string | null;
} {
  const sampling = samplingOf(config.model.run_args);
  let open = 0, passed = 0, kept = 0, oldest = "", newest = "";
  return {
    see(item) {
      if (model === null) return;
      if (has(item.id, answerKey(model.key, item))) {
        passed = open;
        return;
      }
      open++;
      if (!cache?.serves(model.endpoint)) return;
      const found = cache.find(requestKey(model.endpoint, { ...sampling, messages: item.messages }));
      if (found === undefined) return;
      kept++;
      if (oldest === "" || found.made < oldest) oldest = found.made;
      if (found.made > newest) newest = found.made;
    },
    asked: () => open,
    passedOver: () => passed,
    missing: () => open - kept,
    text: () =>
      kept === 0
        ? null
        : `${kept} of ${open} answers come from the response cache, made ${span(oldest, newest)}; ${HINT}`,
  };
}

/** For the asker: says of each judge once that its verdicts come from the cache. */
export function cachedVerdicts(say: (line: string) => void): (endpoint: Endpoint, made: string) => void {
  const said = new Set<Endpoint>();
  return (endpoint, made) => {
    if (said.has(endpoint)) return;
    said.add(endpoint);
    say(
      `Verdicts of ${endpoint.model} come from the response cache, the first one made ${
        minute(made)
      }; ${HINT}`,
    );
  };
}

/** `12 answers and 30 judgements come from the response cache, made 2026-11-20 10:00`; null without any. */
export function cachedText({ answers, judgements, oldest, newest }: FromCache): string | null {
  if (answers + judgements === 0) return null;
  const when = oldest === null || newest === null ? "" : `, made ${span(oldest, newest)}`;
  return `${counted(answers, "answer")} and ${
    counted(judgements, "judgement")
  } come from the response cache${when}`;
}

function span(oldest: string, newest: string): string {
  return minute(oldest) === minute(newest) ? minute(oldest) : `${minute(oldest)} to ${minute(newest)}`;
}

/** `2026-11-20 10:00 UTC`. */
function minute(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")} UTC`;
}
