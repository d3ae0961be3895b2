/**
 * Test files of the server and the chat that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../tasks/chat/columns_test.ts";
import "../../tasks/chat/commands_test.ts";
import "../../tasks/chat/typed_keys_test.ts";
import "../../tasks/serve/answers/logprobs_test.ts";
import "../../tasks/serve/anthropic/writing_test.ts";
import "../../tasks/serve/api_error_test.ts";
import "../../tasks/serve/app_test.ts";
import "../../tasks/serve/chat/chat_prompt_test.ts";
import "../../tasks/serve/fields/fields_test.ts";
import "../../tasks/serve/grammar/mask_test.ts";
import "../../tasks/serve/http/keys_test.ts";
import "../../tasks/serve/http/listen_test.ts";
import "../../tasks/serve/opening_test.ts";
import "../../tasks/serve/reading/answer_reader_test.ts";
import "../../tasks/serve/responses/writing_test.ts";
import "../../tasks/serve/schema/held_test.ts";
import "../../tasks/serve/schema/plain_test.ts";
