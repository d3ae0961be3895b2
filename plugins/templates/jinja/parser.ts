/**
 * Reads a template into its syntax tree, as Jinja2 3.1 does (module jinja2.parser) with the `loopcontrols` extension and
 * transformers' `generation` tag.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { ExpressionParser } from "./expressions.ts";
import { tokenize } from "./lexer.ts";
import type { AssignmentTarget, Expression, Filter, Signature, Statement } from "./nodes.ts";

/** Deeper blocks are refused, before the stack ends. */
const DEEPEST = 100;

/** Tags that need other template files, which a chat template doesn't have. */
const NEED_FILES = ["include", "import", "from", "extends"];

/**
 * Statements of a template.
 * @throws {TemplateError} With the line, if the text isn't a Jinja template.
 */
export function parse(template: string): Statement[] {
  return new Parser(tokenize(template)).template();
}

class Parser extends ExpressionParser {
  #depth = 0;
  #loops = 0;

  template(): Statement[] {
    const body = this.#statements([]);
    if (!this.is("eof")) this.fail(`unexpected ${this.shown()}`);
    return body;
  }

  /** Statements up to a tag of `ends`, whose name is the next token then. */
  #statements(ends: readonly string[]): Statement[] {
    const body: Statement[] = [];
    if (++this.#depth > DEEPEST) this.fail(`blocks are nested more than ${DEEPEST} levels deep`);
    while (!this.is("eof")) {
      if (this.is("data")) body.push({ type: "data", text: this.take().value });
      else if (this.skip("variable_begin")) {
        body.push({ type: "print", value: this.tuple() });
        this.expect("variable_end");
      } else {
        this.expect("block_begin");
        if (this.is("name") && ends.includes(this.token.value)) break;
        body.push(...this.#statement(ends));
        this.expect("block_end");
      }
    }
    this.#depth--;
    if (this.is("eof") && ends.length > 0) this.fail(`the template ends, expected ${ends.join(" or ")}`);
    return body;
  }

  /** The body of a tag up to one of `ends`, whose name is stepped over and given. */
  #body(...ends: string[]): [Statement[], string] {
    this.skip("operator", ":");
    this.expect("block_end");
    const body = this.#statements(ends);
    return [body, this.take().value];
  }

  #statement(ends: readonly string[]): Statement[] {
    if (!this.is("name")) this.fail(`expected the name of a tag, got ${this.shown()}`);
    const tag = this.take().value;
    switch (tag) {
      case "for":
        return [this.#for()];
      case "if":
        return [this.#if()];
      case "set":
        return [this.#set()];
      case "break":
      case "continue":
        if (this.#loops === 0) this.fail(`${tag} outside of a loop`);
        return [{ type: tag }];
      case "macro":
        return [this.#macro()];
      case "call":
        return [this.#callBlock()];
      case "filter": {
        const filter = this.filter(null, true)!;
        return [{ type: "filter_block", filter, body: this.#body("endfilter")[0] }];
      }
      case "print": {
        const values: Statement[] = [];
        while (!this.is("block_end")) {
          if (values.length > 0) this.expect("operator", ",");
          values.push({ type: "print", value: this.expression() });
        }
        return values;
      }
      case "with":
        return [this.#with()];
      case "generation":
        return [{ type: "scope", body: this.#body("endgeneration")[0] }];
      case "block":
        return [this.#block()];
      case "autoescape":
        return this.fail("autoescape isn't possible here: chat templates write plain text");
    }
    if (NEED_FILES.includes(tag)) this.fail(`${tag} isn't possible here: a chat template is one file`);
    const wanted = ends.length === 0 ? "" : `, expected ${ends.join(" or ")}`;
    return this.fail(`unknown tag ${JSON.stringify(tag)}${wanted}`);
  }

  #for(): Statement {
    this.#loops++;
    const target = this.#target("in");
    this.expect("name", "in");
    const iterable = this.tuple({ withCondition: false, end: "recursive" });
    const test = this.skip("name", "if") ? this.expression() : null;
    const recursive = this.skip("name", "recursive");
    const [body, end] = this.#body("endfor", "else");
    this.#loops--;
    const otherwise = end === "else" ? this.#body("endfor")[0] : [];
    return { type: "for", target, iterable, test, recursive, body, otherwise };
  }

  #if(): Statement {
    const branches: [Expression, Statement[]][] = [];
    for (;;) {
      const test = this.tuple({ withCondition: false });
      const [body, end] = this.#body("elif", "else", "endif");
      branches.push([test, body]);
      if (end === "endif") return { type: "if", branches, otherwise: [] };
      if (end === "else") return { type: "if", branches, otherwise: this.#body("endif")[0] };
    }
  }

  #set(): Statement {
    const target = this.#target(undefined, true);
    if (this.skip("operator", "=")) return { type: "set", target, value: this.tuple() };
    const filter = this.filter(null) as Filter | null;
    return { type: "set_block", target, filter, body: this.#body("endset")[0] };
  }

  /** Names with commas between them, in parentheses or not; `ns.x` where namespaces are allowed. */
  #target(end?: string, withNamespace: boolean = false): AssignmentTarget {
    const items: AssignmentTarget[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.expect("operator", ",");
      if (this.is("block_end") || this.is("operator", ")") || (end !== undefined && this.is("name", end))) {
        break;
      }
      items.push(this.#singleTarget(withNamespace));
      if (!this.is("operator", ",")) break;
      isTuple = true;
    }
    if (!isTuple && items.length === 0) this.fail(`expected a name, got ${this.shown()}`);
    return isTuple ? { type: "tuple", items } : item(items, 0);
  }

  #singleTarget(withNamespace: boolean): AssignmentTarget {
    if (this.skip("operator", "(")) {
      const inner = this.#target(undefined, withNamespace);
      this.expect("operator", ")");
      return inner;
    }
    const name = this.#name();
    if (withNamespace && this.skip("operator", ".")) {
      return { type: "namespace", name, attribute: this.expect("name").value };
    }
    return { type: "name", name };
  }

  #name(): string {
    const name = this.expect("name").value;
    if (name === "loop" && this.#loops > 0) this.fail("loop can't be assigned to within a loop");
    if (["true", "false", "none", "True", "False", "None"].includes(name)) {
      this.fail(`cannot assign to ${name}`);
    }
    return name;
  }

  #signature(): Signature {
    const names: string[] = [], defaults: Expression[] = [];
    this.expect("operator", "(");
    while (!this.is("operator", ")")) {
      if (names.length > 0) this.expect("operator", ",");
      names.push(this.#name());
      if (this.skip("operator", "=")) defaults.push(this.expression());
      else if (defaults.length > 0) this.fail("a parameter without a default follows one with a default");
    }
    this.expect("operator", ")");
    return { names, defaults };
  }

  /** Loops outside of a macro or call block can't be left from within. */
  #closed(...ends: string[]): Statement[] {
    const loops = this.#loops;
    this.#loops = 0;
    const [body] = this.#body(...ends);
    this.#loops = loops;
    return body;
  }

  #macro(): Statement {
    const name = this.#name();
    const signature = this.#signature();
    return { type: "macro", name, signature, body: this.#closed("endmacro") };
  }

  #callBlock(): Statement {
    const signature = this.is("operator", "(") ? this.#signature() : { names: [], defaults: [] };
    const call = this.expression();
    if (call.type !== "call") return this.fail("expected a call behind the tag call");
    return { type: "call_block", call, signature, body: this.#closed("endcall") };
  }

  #with(): Statement {
    const targets: [AssignmentTarget, Expression][] = [];
    while (!this.is("block_end")) {
      if (targets.length > 0) this.expect("operator", ",");
      const target = this.#target("=");
      this.expect("operator", "=");
      targets.push([target, this.expression()]);
    }
    return { type: "with", targets, body: this.#body("endwith")[0] };
  }

  #block(): Statement {
    const { value } = this.expect("name");
    this.skip("name", "scoped");
    this.skip("name", "required");
    const [body] = this.#body("endblock");
    this.skip("name", value);
    return { type: "scope", body };
  }
}
