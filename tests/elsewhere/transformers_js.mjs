// Greedy token ids of folders by transformers.js: `deno run -A transformers_js.mjs FOLDER_OF_NODE_MODULES JSON`, where JSON is a list of
// {folder, prompts: ids of each, count, chat: messages of a prompt}. Prints a JSON list of {version, batches, ids, text}: ids of the chat's prompt and of
// its answer, and what prompts of several lengths gave side by side, padded on the left.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, asked] = process.argv.slice(2);
const entry = createRequire(`${modules}/package.json`).resolve("@huggingface/transformers");
const { AutoModelForCausalLM, AutoTokenizer, env, Tensor } = await import(pathToFileURL(entry).href);
Object.assign(env, { allowRemoteModels: false, localModelPath: "/" });

/** Tokens behind each prompt. */
async function generated(model, prompts, count, pad) {
  const width = Math.max(...prompts.map((ids) => ids.length));
  const rows = prompts.map((ids) => [...new Array(width - ids.length).fill(pad), ...ids]);
  const tensor = (values) =>
    new Tensor("int64", BigInt64Array.from(values.flat(), BigInt), [prompts.length, width]);
  const output = await model.generate({
    input_ids: tensor(rows),
    attention_mask: tensor(prompts.map((ids) => rows[0].map((_, i) => i < width - ids.length ? 0 : 1))),
    max_new_tokens: count,
    do_sample: false,
  });
  return output.tolist().map((row) => row.slice(width).map(Number));
}

const results = [];
for (const { folder, prompts, count, chat } of JSON.parse(asked)) {
  const model = await AutoModelForCausalLM.from_pretrained(folder);
  const result = { version: env.version, alone: [], together: [], ids: null, text: null };
  for (const ids of prompts) result.alone.push((await generated(model, [ids], count, 0))[0]);
  result.together = await generated(model, prompts, count, 0);
  if (chat) {
    const tokenizer = await AutoTokenizer.from_pretrained(folder);
    const inputs = tokenizer.apply_chat_template(chat, { add_generation_prompt: true, return_dict: true });
    const output = await model.generate({ ...inputs, max_new_tokens: count, do_sample: false });
    const [row] = output.tolist();
    const length = inputs.input_ids.dims[1];
    result.ids = row.slice(0, length).map(Number);
    result.text = tokenizer.decode(row.slice(length), { skip_special_tokens: true });
  }
  results.push(result);
  await model.dispose();
}
console.log(JSON.stringify(results));
process.exit(0);
