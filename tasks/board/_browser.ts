/**
 * A browser for the tests of the board's page.
 * @module
 */
import type { Browser } from "playwright-core";

import { chromiumPath } from "../common/chromium.ts";

/** undefined: there is none here. */
export const chromium = chromiumPath();

/** Longer than anything takes where other tests run too. */
export const BROWSER_PATIENCE_MS = 180_000;

let started: Promise<Browser> | undefined;

/** One browser for all tests here, each with a context of its own: a start takes some three seconds of processor time. */
export function sharedBrowser(): Promise<Browser> {
  return started ??= import("playwright-core").then(({ chromium: driver }) =>
    driver.launch({ executablePath: chromium!, args: ["--no-sandbox"] })
  );
}

Deno.test.afterAll(async () => await (await started)?.close());
