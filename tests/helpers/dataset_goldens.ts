/** Reads the goldens that tests of this room share. @module */

/** A file of fixtures/goldens/datasets, parsed. */
// deno-lint-ignore no-explicit-any -- test data, checked by the assertions on it
export function datasetGolden(name: string): any {
  return JSON.parse(
    Deno.readTextFileSync(new URL(`../../fixtures/goldens/datasets/${name}`, import.meta.url)),
  );
}
