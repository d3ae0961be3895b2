/**
 * The board's page, whose tests share a browser.
 * @module
 */
import "../../../tasks/board/charts_page_test.ts";
import "../../../tasks/board/control_page_test.ts";
import "../../../tasks/board/page_test.ts";
