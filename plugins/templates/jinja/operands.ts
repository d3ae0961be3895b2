/**
 * Reads the operands of expressions as Jinja2 3.1 does (module jinja2.parser): values, what stands behind them (attributes, items, calls,
 * filters, tests), tuples and arguments.
 * @module
 */
import type { CallArguments, Expression, Filter } from "./nodes.ts";
import { parseInteger } from "./numbers.ts";
import { TokenReader } from "./token_reader.ts";

/** Names that are values. */
const CONSTANTS: Readonly<Record<string, null | boolean>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

/** Reads operands from the place where it is; the expressions within them are its subclass's. */
export abstract class OperandParser extends TokenReader {
  /** One expression. */
  abstract expression(withCondition?: boolean): Expression;

  /** Expressions with commas between them are a tuple. */
  tuple(options: { withCondition?: boolean; end?: string; parentheses?: boolean } = {}): Expression {
    const { withCondition = true, end, parentheses = false } = options;
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.expect("operator", ",");
      if (this.#tupleEnds(end)) break;
      items.push(this.expression(withCondition));
      if (!this.is("operator", ",")) break;
      isTuple = true;
    }
    if (!isTuple && items.length > 0) return items[0]!;
    if (!isTuple && !parentheses) this.fail(`expected an expression, got ${this.shown()}`);
    return { type: "tuple", items };
  }

  #tupleEnds(end: string | undefined): boolean {
    return this.is("variable_end") || this.is("block_end") || this.is("operator", ")") ||
      (end !== undefined && this.is("name", end));
  }

  /** A constant, a name, a tuple, a list or a dict. */
  protected primary(): Expression {
    const { type, value } = this.token;
    switch (type) {
      case "name":
        this.take();
        return Object.hasOwn(CONSTANTS, value)
          ? { type: "constant", value: CONSTANTS[value]! }
          : { type: "name", name: value };
      case "string": {
        let text = "";
        while (this.is("string")) text += this.take().value;
        return { type: "constant", value: text };
      }
      case "integer":
        this.take();
        return { type: "constant", value: parseInteger(value, 0)! };
      case "float":
        this.take();
        return { type: "constant", value: Number(value.replaceAll("_", "")) };
      case "operator":
        if (value === "(") {
          this.take();
          const inner = this.tuple({ parentheses: true });
          this.expect("operator", ")");
          return inner;
        }
        if (value === "[") return { type: "list", items: this.#items("[", "]", () => this.expression()) };
        if (value === "{") {
          const pair = (): [Expression, Expression] => {
            const key = this.expression();
            this.expect("operator", ":");
            return [key, this.expression()];
          };
          return { type: "dict", items: this.#items("{", "}", pair) };
        }
    }
    return this.fail(`unexpected ${this.shown()}`);
  }

  /** Items with commas between them, one comma at the end allowed. */
  #items<T>(open: string, close: string, item: () => T): T[] {
    this.expect("operator", open);
    const items: T[] = [];
    while (!this.is("operator", close)) {
      if (items.length > 0) this.expect("operator", ",");
      if (this.is("operator", close)) break;
      items.push(item());
    }
    this.expect("operator", close);
    return items;
  }

  /** Attributes, items and calls behind an operand. */
  protected postfix(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.skip("operator", ".")) {
        if (this.is("name")) value = { type: "attribute", object: value, name: this.take().value };
        else {
          const key = parseInteger(this.expect("integer").value, 0)!;
          value = { type: "item", object: value, key: { type: "constant", value: key } };
        }
      } else if (this.is("operator", "[")) {
        const keys = this.#items("[", "]", () => this.#subscript());
        value = {
          type: "item",
          object: value,
          key: keys.length === 1 ? keys[0]! : { type: "tuple", items: keys },
        };
      } else if (this.is("operator", "(")) {
        value = { type: "call", callee: value, arguments: this.arguments() };
      } else return value;
    }
  }

  #subscript(): Expression {
    let start: Expression | null = null;
    if (!this.is("operator", ":")) {
      start = this.expression();
      if (!this.is("operator", ":")) return start;
    }
    this.take();
    const part = () =>
      this.is("operator", ":") || this.is("operator", "]") || this.is("operator", ",")
        ? null
        : this.expression();
    const stop = part();
    return { type: "slice", start, stop, step: this.skip("operator", ":") ? part() : null };
  }

  /** Filters and tests behind an operand. */
  protected filtersAndTests(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.is("operator", "|")) value = this.filter(value)!;
      else if (this.skip("name", "is")) value = this.#test(value);
      else if (this.is("operator", "(")) value = { type: "call", callee: value, arguments: this.arguments() };
      else return value;
    }
  }

  /** `| name(arguments)`, several times; `inline`: the first without `|`. */
  filter(operand: Expression | null, inline: boolean = false): Filter | null {
    let value = operand;
    for (let first = inline; first || this.is("operator", "|"); first = false) {
      if (!first) this.take();
      value = { type: "filter", operand: value, name: this.#dotted(), arguments: this.#optionalArguments() };
    }
    return value as Filter | null;
  }

  #dotted(): string {
    let name = this.expect("name").value;
    while (this.skip("operator", ".")) name += `.${this.expect("name").value}`;
    return name;
  }

  #optionalArguments(): CallArguments {
    return this.is("operator", "(")
      ? this.arguments()
      : { args: [], kwargs: [], spread: null, kwspread: null };
  }

  #test(operand: Expression): Expression {
    const isNegated = this.skip("name", "not");
    const name = this.#dotted();
    let given = this.#optionalArguments();
    const { type, value } = this.token;
    const begins = ["name", "string", "integer", "float"].includes(type) ||
      (type === "operator" && "[{".includes(value));
    const ends = type === "name" && ["else", "or", "and"].includes(value);
    const hadArguments = this.last.value === ")";
    if (!hadArguments && begins && !ends) {
      if (this.is("name", "is")) this.fail("tests can't be chained with is");
      given = { ...given, args: [this.postfix(this.primary())] };
    }
    const test: Expression = { type: "test", operand, name, arguments: given };
    return isNegated ? { type: "not", operand: test } : test;
  }

  /** `(a, b, key=c, *d, **e)`. */
  arguments(): CallArguments {
    this.expect("operator", "(");
    const given: CallArguments = { args: [], kwargs: [], spread: null, kwspread: null };
    const ensure = (isAllowed: boolean) => isAllowed || this.fail("invalid order of arguments in a call");
    for (let first = true; !this.is("operator", ")"); first = false) {
      if (!first) this.expect("operator", ",");
      if (this.is("operator", ")")) break;
      if (this.skip("operator", "*")) {
        ensure(given.spread === null && given.kwspread === null);
        given.spread = this.expression();
      } else if (this.skip("operator", "**")) {
        ensure(given.kwspread === null);
        given.kwspread = this.expression();
      } else if (this.is("name") && this.is("operator", "=", 1)) {
        ensure(given.kwspread === null);
        const name = this.take().value;
        this.take();
        given.kwargs.push([name, this.expression()]);
      } else {
        ensure(given.spread === null && given.kwspread === null && given.kwargs.length === 0);
        given.args.push(this.expression());
      }
    }
    this.expect("operator", ")");
    return given;
  }
}
