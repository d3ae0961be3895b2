/**
 * The board over HTTP, asked without a browser.
 * @module
 */
import "../../tasks/board/access_test.ts";
import "../../tasks/board/closed_folders_test.ts";
import "../../tasks/board/control_test.ts";
import "../../tasks/board/curves_test.ts";
import "../../tasks/board/items_test.ts";
import "../../tasks/board/strange_folders_test.ts";
import "../../tasks/board/tokens_test.ts";
