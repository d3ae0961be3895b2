/**
 * Test files of the server and the chat that `deno task test` runs in one isolate: each takes less than what loading takes.
 * @module
 */
import "../../tasks/chat/typed_keys_test.ts";
import "../../tasks/serve/answer_reader_test.ts";
import "../../tasks/serve/api_error_test.ts";
import "../../tasks/serve/chat_prompt_test.ts";
import "../../tasks/serve/fields_test.ts";
import "../../tasks/serve/grammar/mask_test.ts";
import "../../tasks/serve/keys_test.ts";
import "../../tasks/serve/listen_test.ts";
import "../../tasks/serve/logprobs_test.ts";
import "../../tasks/serve/opening_test.ts";
