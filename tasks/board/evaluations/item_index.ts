/**
 * The items of an evaluation, for looking through: filtered, searched, a page at a time. What is stored is read once into a temporary
 * table of SQLite, which keeps it on the disk rather than in memory.
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";

import { item } from "../../../formats/elements.ts";
import { lastUserText } from "../../../plugins/kinds/endpoint.ts";
import { browsed, type ItemStatus, statusOf } from "../../eval/report/browser_data.ts";
import { type StoredItem, storedItems, type StoredRun } from "../../eval/store/stored.ts";

/** Rows of a page. */
export const PAGE_ROWS = 100;

/** An item as a list shows it. */
export interface ItemRow {
  /** Place in the benchmark, from 0. */
  n: number;
  /** Id. */
  id: string;
  /** End, by the headline. */
  status: ItemStatus;
  /** Share of the headline; null without one. */
  value: number | null;
  /** Beginning of the prompt. */
  preview: string;
}

/** Filter of items. */
export interface ItemWish {
  /** Only with this end; null: all. */
  status: ItemStatus | null;
  /** A text that must be in the prompt, the answer, a constraint, a reason or the judge's text, in any case. */
  search: string;
  /** Of the items found, the first to show. */
  from: number;
}

/** The rest of the server has its turn after so many items. */
const TURN = 200;
/** Characters of a prompt in a list. */
const PREVIEW = 90;

/** The table of one evaluation. */
export class ItemIndex implements Disposable {
  readonly #database = new DatabaseSync(":memory:");
  #found: { wish: string; places: number[] } | null = null;
  /** Of a full score. */
  readonly scale: number;
  /** Items read so far. */
  count = 0;
  /** True if all are read. */
  complete = false;

  /** @param run Its store is read by {@linkcode ItemIndex.fill} */
  constructor(readonly run: StoredRun) {
    this.scale = run.part.benchmark.protocol?.scale ?? 1;
    // tables of a temporary database lie in a file that SQLite makes and removes
    this.#database.exec(`PRAGMA temp_store = FILE;
      CREATE TEMP TABLE items (n INTEGER PRIMARY KEY, id TEXT, status TEXT, value REAL, preview TEXT);
      CREATE TEMP TABLE texts (n INTEGER PRIMARY KEY, text TEXT);
      CREATE TEMP TABLE wholes (n INTEGER PRIMARY KEY, json TEXT);
      CREATE INDEX temp.ids ON items (id);
      CREATE INDEX temp.ends ON items (status, n);`);
  }

  /** Reads all items. @param signal Aborted to give up */
  async fill(signal: AbortSignal): Promise<void> {
    const [items, texts, wholes] = [
      "items VALUES (?, ?, ?, ?, ?)",
      "texts VALUES (?, ?)",
      "wholes VALUES (?, ?)",
    ]
      .map((into) => this.#database.prepare(`INSERT INTO ${into}`)) as [
        StatementSync,
        StatementSync,
        StatementSync,
      ];
    this.#database.exec("BEGIN");
    for await (const stored of storedItems(this.run)) {
      const { status, value } = statusOf(stored, this.run.part.benchmark.contributions(stored));
      const prompt = lastUserText(stored.item.messages).slice(0, PREVIEW).replaceAll(/\s+/g, " ");
      items.run(this.count, stored.item.id, status, value, prompt);
      texts.run(this.count, searched(stored));
      wholes.run(this.count++, JSON.stringify(browsed(stored)));
      if (this.count % TURN === 0) await new Promise((done) => setTimeout(done));
      signal.throwIfAborted();
    }
    this.#database.exec("COMMIT");
    this.complete = true;
  }

  /** A page of the items that are wished for, and how many there are. */
  page({ status, search, from }: ItemWish): { rows: ItemRow[]; total: number } {
    const found = this.#places(status, search.trim());
    const total = found?.length ?? this.count;
    const row = this.#database.prepare("SELECT n, id, status, value, preview FROM items WHERE n = ?");
    const rows: ItemRow[] = [];
    for (let i = from; i < Math.min(total, from + PAGE_ROWS); i++) {
      rows.push(row.get(found === null ? i : item(found, i)) as unknown as ItemRow);
    }
    return { rows, total };
  }

  /**
   * Places of the items that are wished for, in order; null: all. The last answer is kept, so that its next pages need no second search.
   */
  #places(status: ItemStatus | null, search: string): number[] | null {
    if (status === null && search === "") return null;
    const wish = JSON.stringify([status, search]);
    if (this.#found?.wish !== wish) {
      const { where, values } = condition(status, search);
      const rows = this.#database.prepare(`SELECT n FROM items ${where} ORDER BY n`).all(...values);
      this.#found = { wish, places: (rows as unknown as { n: number }[]).map(({ n }) => n) };
    }
    return this.#found.places;
  }

  /** Ids with values of all items that are wished for, in the benchmark's order. */
  values(search: string): Map<string, { n: number; value: number | null }> {
    const { where, values } = condition(null, search.trim());
    const rows = this.#database.prepare(`SELECT n, id, value FROM items ${where} ORDER BY n`).all(...values);
    return new Map((rows as unknown as ItemRow[]).map(({ n, id, value }) => [id, { n, value }]));
  }

  /** A row of the list. */
  row(id: string): ItemRow | null {
    const row = this.#database.prepare("SELECT n, id, status, value, preview FROM items WHERE id = ?").get(
      id,
    );
    return row === undefined ? null : row as unknown as ItemRow;
  }

  /** All of an item, as report.html has it; null for an unknown id. */
  item(id: string): unknown {
    const row = this.#database.prepare("SELECT json FROM items JOIN wholes USING (n) WHERE id = ?").get(id) as
      | { json: string }
      | undefined;
    return row === undefined ? null : JSON.parse(row.json);
  }

  [Symbol.dispose](): void {
    this.#database.close();
    this.run.store[Symbol.dispose]();
  }
}

function condition(status: ItemStatus | null, search: string): { where: string; values: string[] } {
  const parts = [
    ...(status === null ? [] : ["status = ?"]),
    ...(search === "" ? [] : ["(n IN (SELECT n FROM texts WHERE instr(text, ?) > 0) OR id = ?)"]),
  ];
  return {
    where: parts.length === 0 ? "" : `WHERE ${parts.join(" AND ")}`,
    values: [...(status === null ? [] : [status]), ...(search === "" ? [] : [search.toLowerCase(), search])],
  };
}

function searched({ item, response, answer, judgement }: StoredItem): string {
  return [
    ...item.messages.map(({ content }) => content),
    response ?? "",
    answer?.completion.thought ?? "",
    ...item.constraints.map(({ text }) => text),
    ...judgement?.constraints.map(({ reason }) => reason ?? "") ?? [],
    judgement?.raw ?? "",
  ].join("\n").toLowerCase();
}
