/**
 * The items of an evaluation, for looking through: filtered, searched, a page at a time. What is stored is read once into a temporary
 * table of SQLite, which keeps it on the disk rather than in memory.
 * @module
 */
import { DatabaseSync } from "node:sqlite";

import { lastUserText } from "../../../plugins/kinds/endpoint.ts";
import { browsed, type ItemStatus, statusOf } from "../../eval/report/browser_data.ts";
import { type StoredItem, storedItems, type StoredRun } from "../../eval/stored.ts";

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
  /** Of a full score. */
  readonly scale: number;
  /** Items read so far. */
  count = 0;
  /** Whether all are read. */
  complete = false;

  /** @param run Its store is read by {@linkcode ItemIndex.fill} */
  constructor(readonly run: StoredRun) {
    this.scale = run.part.benchmark.protocol?.scale ?? 1;
    // tables of a temporary database lie in a file that SQLite makes and removes
    this.#database.exec(`PRAGMA temp_store = FILE;
      CREATE TEMP TABLE items (n INTEGER PRIMARY KEY, id TEXT, status TEXT, value REAL, preview TEXT, text TEXT, json TEXT);
      CREATE INDEX temp.ids ON items (id);
      CREATE INDEX temp.ends ON items (status, n);`);
  }

  /** Reads all items. @param signal Aborted to give up */
  async fill(signal: AbortSignal): Promise<void> {
    const insert = this.#database.prepare("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#database.exec("BEGIN");
    for await (const stored of storedItems(this.run)) {
      const { status, value } = statusOf(stored, this.run.part.benchmark.contributions(stored));
      const prompt = lastUserText(stored.item.messages).slice(0, PREVIEW).replaceAll(/\s+/g, " ");
      const json = JSON.stringify(browsed(stored));
      insert.run(this.count++, stored.item.id, status, value, prompt, searched(stored), json);
      if (this.count % TURN === 0) await new Promise((done) => setTimeout(done));
      signal.throwIfAborted();
    }
    this.#database.exec("COMMIT");
    this.complete = true;
  }

  /** A page of the items that are wished for, and how many there are. */
  page({ status, search, from }: ItemWish): { rows: ItemRow[]; total: number } {
    const { where, values } = condition(status, search);
    const rows = this.#database.prepare(
      `SELECT n, id, status, value, preview FROM items ${where} ORDER BY n LIMIT ${PAGE_ROWS} OFFSET ?`,
    ).all(...values, from) as unknown as ItemRow[];
    const { total } = this.#database.prepare(`SELECT count(*) AS total FROM items ${where}`).get(
      ...values,
    ) as {
      total: number;
    };
    return { rows, total };
  }

  /** Ids with values of all items that are wished for, in the benchmark's order. */
  values(search: string): Map<string, { n: number; value: number | null }> {
    const { where, values } = condition(null, search);
    const rows = this.#database.prepare(`SELECT n, id, value FROM items ${where} ORDER BY n`).all(...values);
    return new Map(
      (rows as unknown as ItemRow[]).map((
        { n, id, value },
      ): [string, { n: number; value: number | null }] => [
        id,
        { n, value },
      ]),
    );
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
    const row = this.#database.prepare("SELECT json FROM items WHERE id = ?").get(id) as
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
  const wanted = search.trim();
  const parts = [
    ...(status === null ? [] : ["status = ?"]),
    ...(wanted === "" ? [] : ["(instr(text, ?) > 0 OR id = ?)"]),
  ];
  return {
    where: parts.length === 0 ? "" : `WHERE ${parts.join(" AND ")}`,
    values: [...(status === null ? [] : [status]), ...(wanted === "" ? [] : [wanted.toLowerCase(), wanted])],
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
