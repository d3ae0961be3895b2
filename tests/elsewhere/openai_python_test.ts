/** The server as OpenAI's client for Python meets it. */
import { assert, assertEquals } from "@std/assert";

import { exists } from "../../formats/exists.ts";
import { ELSEWHERE } from "../helpers/elsewhere.ts";
import { startServed } from "../helpers/served.ts";

const MODEL = new URL("../../fixtures/goldens/llamafactory/model", import.meta.url).pathname;
const SCRIPT = new URL("./openai_python.py", import.meta.url).pathname;
const packages = `${ELSEWHERE.folder}/python`, hasPython = exists(packages);
const why = ELSEWHERE.why || (hasPython ? "" : " (ignored: there was no Python with pip to fetch packages)");

Deno.test({
  name:
    `OpenAI's client for Python gets chats, responses, streams, JSON, calls, texts and errors from the server${why}`,
  ignore: ELSEWHERE.ignore || !hasPython,
  fn: async () => {
    await using served = await startServed(
      [MODEL, "--name", "random", "--template", "qwen", "--backend", "onnx", "--quiet"],
    );
    const { code, stdout, stderr } = await new Deno.Command("python3", {
      args: [SCRIPT, served.base],
      env: { PYTHONPATH: packages, NO_PROXY: "*" },
    }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    const { whole, streamed, stopped, version, ...got } = JSON.parse(text.decode(stdout));
    assertEquals([version, streamed, stopped[1]], ["2.54.0", whole, stopped[0]]);
    assert(whole.length > 4 && ["Rome", "Oslo"].includes(got.call[2].city));
    assertEquals(got, {
      models: ["random"],
      usage: 12,
      streamed_usage: [12],
      logprobs: [12, true],
      n: 3,
      parsed: "Thing",
      call: ["tool_calls", "count", got.call[2]],
      response: [true, "incomplete", 12],
      response_streamed: ["response.output_text.delta", "response.output_text.done"],
      response_parsed: "Thing",
      response_call: ["count", true, "incomplete"],
      chosen: true,
      completions: [4, 5],
      unused: "user",
      errors: [
        ["NotFoundError", 404, "model"],
        ["BadRequestError", 400, "verbosity"],
        ["BadRequestError", 400, "guided_grammar"],
        ["InternalServerError", 501, null],
      ],
    });
  },
});
