/**
 * Test files of running servers and of grammars that `deno task test` runs in one isolate: what they load takes longer than most of them.
 * @module
 */
import "../../../tasks/bench/serve_test.ts";
import "../../../tasks/serve/grammar/grammars_test.ts";
import "../../../tasks/serve/page/page_test.ts";
import "../../../tasks/serve/schema/generated_test.ts";
import "../../../tasks/serve/server_test.ts";
