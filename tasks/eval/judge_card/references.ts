/**
 * Verdicts that a judge card compares with: a file of people's, the rules of the constraints, or another run on the same
 * answers.
 * @module
 */
import { lastUserText } from "../../../plugins/kinds/endpoint.ts";
import type { Judge } from "../../../plugins/kinds/judge.ts";
import type { PluginRegistry } from "../../../plugins/kinds/plugin.ts";
import type { Reference } from "./judged_answers.ts";
import { answerOf, judgementOf, responseOf, type StoredRun } from "../store/stored.ts";

/** Verdicts of a file, see the judge `recorded`. */
export function recordedReference(registry: PluginRegistry, path: string, scale: number): Reference {
  return ofJudge(path, registry.create("judge", "recorded", { path, scale }), scale);
}

/** The rules of the constraints; constraints without a rule have no verdict. */
export function rulesReference(registry: PluginRegistry): Reference {
  return ofJudge("rules", registry.create("judge", "rules"), 1);
}

/** Verdicts of another run, where it asked the same and its answers are the same. Dispose its store afterwards. */
export function runReference(name: string, { part, store, provenance }: StoredRun): Reference {
  return {
    name,
    scale: part.benchmark.protocol?.scale ?? 1,
    verdicts(item, response) {
      const answer = answerOf(store, provenance, item);
      const same = answer !== null && responseOf(answer) === response;
      const judged = same ? judgementOf(store, provenance, item, response) : null;
      return Promise.resolve(judged?.judgement?.constraints ?? null);
    },
  };
}

function ofJudge(name: string, judge: Judge, scale: number): Reference {
  return {
    name,
    scale,
    async verdicts({ id, messages, constraints }, response) {
      const prompt = lastUserText(messages);
      return (await judge.judge({ id, prompt, response, constraints }, new AbortController().signal))
        .constraints;
    },
  };
}
