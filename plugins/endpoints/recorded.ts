/**
 * Endpoint `recorded`: answers from a file, to score what someone else generated.
 *
 * JSON lines, one JSON list or an evaluation's results in the released shape, .gz too, of rows `{prompt, response}` (or `output`, `prediction`, `model_output`, `generated`,
 * …) and `id` (`key`, `idx`, …), samples of lm-evaluation-harness, output of OpenAI's batches, lists of AlpacaEval, whole
 * replies of chat completions, or texts in the order of the items. How a row is found: `recorded/answers.ts`.
 * @module
 */
import { basename } from "@std/path";
import { z } from "zod";

import { hashOfFile } from "../../formats/records/rows.ts";
import { definePlugin, type Plugin } from "../kinds/plugin.ts";
import { type Endpoint, lastUserText } from "../kinds/endpoint.ts";
import { failed } from "./failures.ts";
import { outcomeWithoutAnswer } from "./openai/without_answer.ts";
import { completionOf } from "./openai/outcome.ts";
import { RecordedAnswers } from "./recorded/answers.ts";
import { thoughtOpened, thoughtTags, withOpening } from "./thought_tags.ts";

const Options = z.strictObject({
  path: z.string().min(1).describe(
    "JSON lines or a list: {prompt or id, response}, samples of lm-eval, OpenAI batch output, AlpacaEval's list, or texts in order; " +
      "or an evaluation's results (BENCHMARK_MODEL.json of a run)",
  ),
  name: z.string().optional().describe(
    "model that the answers are from, for reports; default: the file's name",
  ),
  field: z.string().min(1).optional().describe(
    "field of the answer, where it has a name of its own or several could be meant",
  ),
  thought_tags: thoughtTags,
  thought_opened: thoughtOpened,
});

/** The plugin, see the module's text. */
const recorded: Plugin<"endpoint", typeof Options> = definePlugin({
  kind: "endpoint",
  name: "recorded",
  version: "2",
  description: "Answers from a file, to score what someone else generated",
  options: Options,
  create: (options) => recordedEndpoint(options),
});
export default recorded;

/** Options of a `recorded` endpoint. */
export type RecordedOptions = z.input<typeof Options>;

/**
 * The answers of a file, read at the first request.
 * @throws {RangeError} If the file isn't there
 */
export function recordedEndpoint(given: RecordedOptions): Endpoint {
  const { path, name = basename(path), field, thought_tags, thought_opened } = Options.parse(given);
  let answers: Promise<RecordedAnswers> | undefined;
  return {
    model: name,
    identity: { recorded: hashOfFile(path, "recorded answers"), ...(field !== undefined && { field }) },
    cacheable: false,
    spends: false,
    thoughtTags: thought_tags,
    async complete(request) {
      const found = (await (answers ??= RecordedAnswers.read(path, field))).find(
        request,
        lastUserText(request.messages),
      );
      if ("missing" in found) return failed(found.all ? "settings" : "missing", found.missing);
      const { answer, where } = found.row;
      if ("error" in answer) {
        return answer.told && outcomeWithoutAnswer(answer.told, where) || failed("missing", answer.error);
      }
      try {
        return withOpening(completionOf(answer, request), thought_tags, thought_opened);
      } catch (error) {
        return failed("missing", `${where}: ${(error as Error).message}`);
      }
    },
    close: () => Promise.resolve(),
  };
}
