/**
 * `/tokenize`, `/detokenize` and `/tokenizer_info`, as vLLM has them.
 * @module
 */
import { Hono } from "hono";
import { z } from "zod";

import type { Tokenizer } from "../../formats/tokenizer/mod.ts";
import { badRequest } from "./api_error.ts";
import { promptOf } from "./chat/chat_asked.ts";
import { ChatFields, readFields, TextFields } from "./fields/fields.ts";
import { jsonBody } from "./http/json_body.ts";
import type { ServedModel } from "./models.ts";
import { modelOf, type Service } from "./run.ts";
import { textIds } from "./text.ts";

const Text = z.strictObject({
  ...TextFields.pick({ model: true, add_special_tokens: true }).shape,
  prompt: z.string(),
  return_token_strs: z.boolean().nullish(),
});
const Chat = z.strictObject({
  ...ChatFields.pick({
    model: true,
    messages: true,
    tools: true,
    add_generation_prompt: true,
    continue_final_message: true,
    add_special_tokens: true,
    chat_template: true,
    chat_template_kwargs: true,
  }).shape,
  return_token_strs: z.boolean().nullish(),
});
const Ids = z.strictObject({ ...TextFields.pick({ model: true }).shape, tokens: z.array(z.int().min(0)) });

/** The three routes. */
export function tokenizeRoutes(service: Service): Hono {
  const app = new Hono();
  app.post("/tokenize", async (c) => {
    const body = await jsonBody(c);
    const isChat = typeof body === "object" && body !== null && "messages" in body;
    const { model, ids: tokens, strings } = isChat ? ofChat(body, service) : ofText(body, service);
    const { tokenizer, generator } = model.local;
    return c.json({
      count: tokens.length,
      max_model_len: generator.info.maxModelLen,
      tokens,
      token_strs: strings === true ? tokens.map((id) => tokenizer.idToToken(id)) : null,
    });
  });
  app.get("/tokenizer_info", (c) => c.json(tokenizerInfo(modelOf(service, c.req.query("model")))));
  app.post("/detokenize", async (c) => {
    const { model: name, tokens } = readFields(Ids, await jsonBody(c));
    const { tokenizer, generator } = modelOf(service, name).local, { vocabSize } = generator.info;
    const foreign = tokens.find((id) => id >= vocabSize);
    if (foreign !== undefined) {
      throw badRequest(
        `Cannot write the tokens as text: the model knows ids below ${vocabSize}; current value is ${foreign}`,
        "tokens",
      );
    }
    return c.json({ prompt: tokenizer.decode(tokens) });
  });
  return app;
}

const configurations = new WeakMap<Tokenizer, Record<string, unknown>>();

/** The fields of tokenizer_config.json, which vLLM takes from its tokenizer, with the chat template that prompts are written by. */
function tokenizerInfo({ local: { tokenizer, template } }: ServedModel): Record<string, unknown> {
  const known = configurations.get(tokenizer);
  if (known !== undefined) return known;
  const file = tokenizer.files()["tokenizer_config.json"] ?? "{}";
  const text = typeof file === "string" ? file : new TextDecoder().decode(file);
  // paths of the machine that wrote the file
  const { vocab_file: _, merges_file: __, name_or_path: ___, ...config } = JSON.parse(text);
  const chat_template = template.trainedJinja?.(tokenizer) ?? tokenizer.chatTemplate;
  const configuration = { ...config, ...(chat_template !== null && { chat_template }) };
  configurations.set(tokenizer, configuration);
  return configuration;
}

interface Tokenized {
  model: ServedModel;
  ids: number[];
  /** True if their names in the vocabulary are wanted. */
  strings: boolean | null | undefined;
}

function ofText(body: unknown, service: Service): Tokenized {
  const { model: name, prompt, add_special_tokens, return_token_strs: strings } = readFields(Text, body);
  const model = modelOf(service, name);
  return { model, ids: textIds(prompt, model, add_special_tokens), strings };
}

function ofChat(body: unknown, service: Service): Tokenized {
  const { return_token_strs: strings, ...request } = readFields(Chat, body);
  const model = modelOf(service, request.model), { ids } = promptOf(request, model, service);
  return { model, ids, strings };
}
