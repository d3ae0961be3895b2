import { assert, assertEquals } from "@std/assert";

import { type EditableTokenizer, loadTokenizerSync } from "../../../formats/tokenizer/mod.ts";
import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { Registry } from "../../registry.ts";
import { templates } from "../../templates/mod.ts";
import { endTokenFault } from "./end_token.ts";
import { prepareTokenizer } from "./prepare_tokenizer.ts";

const goldens = new URL("../../../fixtures/goldens/tokenizers/", import.meta.url).pathname;
const temporary = temporaryFolder();

/** Llama 2's chat template, as far as one turn goes. */
const LLAMA2 =
  "{% for m in messages %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + m['content'] + ' [/INST]' }}" +
  "{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}{% endfor %}";

/** The SentencePiece tokenizer with the flag of `</s>` that is asked for. */
function withFlag(normalized: boolean): EditableTokenizer {
  const folder = Deno.makeTempDirSync({ dir: temporary });
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    Deno.copyFileSync(`${goldens}tiny-sp/${name}`, `${folder}/${name}`);
  }
  const json = JSON.parse(Deno.readTextFileSync(`${folder}/tokenizer.json`));
  for (const token of json.added_tokens) if (token.content === "</s>") token.normalized = normalized;
  Deno.writeTextFileSync(`${folder}/tokenizer.json`, JSON.stringify(json));
  return loadTokenizerSync(folder).withChatTemplate(LLAMA2.replace("' ' + eos_token", "eos_token"));
}

function faultOf(name: string, tokenizer: EditableTokenizer): string | null {
  const template = new Registry(templates).create("template", name, {});
  return endTokenFault(template, prepareTokenizer(template, tokenizer).tokenizer);
}

Deno.test("endTokenFault() finds an end token that a tokenizer spells in pieces, and says the way out", () => {
  const fault = faultOf("auto", withFlag(true))!;
  assert(fault.includes('don\'t end in the end token "</s>" (2)'), fault);
  assert(/the last ids are \d+ ".*/.test(fault), fault);
  assert(fault.includes('set "normalized": false'), fault);
  // the named template writes the token itself, and so does the flag as it should be
  assertEquals(faultOf("llama2", withFlag(true)), null);
  assertEquals(faultOf("auto", withFlag(false)), null);
});

Deno.test("endTokenFault() finds answers that end in another token, or in none", () => {
  const tiny = loadTokenizerSync(`${goldens}tiny`);
  const chatml =
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + END }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  const other = faultOf("auto", tiny.withChatTemplate(chatml.replace("END", "'<|im_end|>\\n'")))!;
  assert(other.includes('the end token "<|endoftext|>"') && other.includes('stands "<|im_end|>\\n"'), other);
  const none = faultOf("auto", tiny.withChatTemplate(chatml.replace("END", "'\\n'")))!;
  assert(none.includes("nothing stands behind the answer"), none);
  assertEquals(faultOf("auto", tiny.withChatTemplate(chatml.replace("END", "'<|endoftext|>\\n'"))), null);
});

Deno.test("endTokenFault() is silent for every built-in template but empty, which ends answers by nothing", () => {
  const tiny = loadTokenizerSync(`${goldens}tiny`), end = "<|end_of_text|>";
  // granite3 writes its end as text, which is a token of Granite's own tokenizer alone
  const granite = tiny.withSpecialTokens([end]).withEos(end);
  const named = templates.map(({ name }) => name).filter((name) => name !== "auto");
  assertEquals(
    named.filter((name) => faultOf(name, name === "granite3" ? granite : tiny) !== null),
    ["empty"],
  );
  const fault = faultOf("granite3", tiny)!;
  assert(fault.includes(`behind the answer stands ${JSON.stringify(`${end}\n`)}`), fault);
});
