/**
 * Template `my_plugin`: `Question: … Answer: …`, eos behind each answer. Texts in quotes are the template's own, in which special
 * tokens are special; `{{content}}` is what a person or a model wrote, in which they stay text.
 */
import { EOS, templatePlugin } from "@dinotune/dinotune/templates";

export default templatePlugin({
  name: "my_plugin",
  description: "Question: … Answer: …",
  system: ["{{content}}\n"],
  user: ["Question: {{content}}\nAnswer: "],
  assistant: ["{{content}}", EOS],
});
