import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { anyCharacter } from "../../tests/helpers/any_character.ts";

import { IdTable, UniqueIds } from "./ids.ts";

Deno.test("IdTable numbers ids as a Map does, past several enlargements", () => {
  const table = new IdTable();
  const map = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    // every third id comes again
    const id = `row-${i % 3 === 2 ? i >> 1 : i}`;
    if (!map.has(id)) map.set(id, map.size);
    assertEquals(table.add(id), map.get(id));
  }
  assertEquals(table.size, map.size);
  for (const [id, slot] of map) assertEquals(table.find(id), slot);
  assertEquals(table.find("row-20001"), undefined);
});

Deno.test("UniqueIds tells where an id was first, for any text", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: anyCharacter }), { maxLength: 60 }), (ids) => {
    const unique = new UniqueIds();
    for (const [i, id] of ids.entries()) {
      const first = ids.map((other) => other.toWellFormed()).indexOf(id.toWellFormed());
      assertEquals(unique.claim(id, i), first < i ? first : undefined);
    }
    assertEquals(unique.size, new Set(ids.map((id) => id.toWellFormed())).size);
  }));
});
