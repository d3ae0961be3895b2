/**
 * Runs the statements of a template, which write text.
 * @module
 */
import { ExpressionEvaluation } from "./evaluate_expression.ts";
import { namespaceKey } from "./globals.ts";
import type { AssignmentTarget, Signature, Statement } from "./nodes.ts";
import { fits } from "./operators.ts";
import { str } from "./print.ts";
import { Scope } from "./scope.ts";
import {
  asText,
  Callable,
  defined,
  Dict,
  iterate,
  type JinjaValue,
  Loop,
  Namespace,
  TemplateError,
  truthy,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

/** Macros and loops that call themselves are stopped at this depth, before the stack ends. */
const DEEPEST = 150;

type Leave = "break" | "continue" | undefined;

/** One rendering. */
export class Evaluation extends ExpressionEvaluation {
  #depth = 0;
  #out: string[] = [];

  /**
   * The text of a template.
   * @throws {TemplateError} If it fails.
   * @throws {StepLimitError} If it takes more than 2 million steps.
   */
  render(body: readonly Statement[], variables: ReadonlyMap<string, JinjaValue>): string {
    const scope = new Scope(null);
    for (const [name, value] of variables) scope.set(name, value);
    return this.#text(body, new Scope(scope));
  }

  #write(text: string): void {
    this.spend(1 + text.length / 256);
    this.#out.push(text);
  }

  /** The output of statements, as a separate text. */
  #text(body: readonly Statement[], scope: Scope): string {
    const outer = this.#out;
    this.#out = [];
    try {
      this.#run(body, scope);
      return fits(this.#out.join(""));
    } finally {
      this.#out = outer;
    }
  }

  #run(body: readonly Statement[], scope: Scope): Leave {
    for (const statement of body) {
      const leave = this.#statement(statement, scope);
      if (leave !== undefined) return leave;
    }
    return undefined;
  }

  #statement(statement: Statement, scope: Scope): Leave {
    this.spend(1);
    switch (statement.type) {
      case "data":
        this.#write(statement.text);
        return;
      case "print":
        this.#write(str(this.value(statement.value, scope)));
        return;
      case "if": {
        const branch = statement.branches.find(([condition]) => truthy(this.value(condition, scope)));
        return this.#run(branch === undefined ? statement.otherwise : branch[1], scope);
      }
      case "for":
        return this.#for(statement, this.value(statement.iterable, scope), scope, 0);
      case "break":
      case "continue":
        return statement.type;
      case "set":
        this.#assign(statement.target, this.value(statement.value, scope), scope);
        return;
      case "set_block": {
        const text = this.#text(statement.body, new Scope(scope));
        this.#assign(statement.target, this.filtered(statement.filter, text, scope), scope);
        return;
      }
      case "with": {
        const inner = new Scope(scope);
        for (const [target, value] of statement.targets) {
          this.#assign(target, this.value(value, scope), inner);
        }
        return this.#run(statement.body, inner);
      }
      case "macro":
        scope.set(statement.name, this.#macro(statement.name, statement.signature, statement.body, scope));
        return;
      case "call_block": {
        const caller = this.#macro("caller", statement.signature, statement.body, scope);
        this.#write(str(this.call(statement.call, scope, caller)));
        return;
      }
      case "filter_block": {
        const value = this.filtered(statement.filter, this.#text(statement.body, new Scope(scope)), scope);
        const text = asText(value);
        if (text === undefined) throw new TemplateError(`a filter block gives ${typeName(value)}, not text`);
        this.#write(text);
        return;
      }
      case "scope":
        return this.#run(statement.body, new Scope(scope));
    }
  }

  #for(statement: Statement & { type: "for" }, iterable: JinjaValue, scope: Scope, depth: number): Leave {
    let items = iterate(iterable);
    this.spend(3 * items.length);
    if (statement.test !== null) {
      const { target, test } = statement;
      items = items.filter((each) => {
        const inner = new Scope(scope);
        this.#assign(target, each, inner);
        return truthy(this.value(test, inner));
      });
    }
    if (items.length === 0) return this.#run(statement.otherwise, new Scope(scope));
    const recurse = statement.recursive
      ? (inner: JinjaValue) => this.#deeper(() => this.#recursion(statement, inner, scope, depth + 1))
      : null;
    const loop = new Loop(items, depth, recurse);
    for (const each of items) {
      loop.index0++;
      const inner = new Scope(scope);
      inner.set("loop", loop);
      this.#assign(statement.target, each, inner);
      const leave = this.#run(statement.body, inner);
      if (leave === "break") break;
    }
    return undefined;
  }

  #recursion(statement: Statement & { type: "for" }, items: JinjaValue, scope: Scope, depth: number): string {
    const outer = this.#out;
    this.#out = [];
    try {
      this.#for(statement, items, scope, depth);
      return this.#out.join("");
    } finally {
      this.#out = outer;
    }
  }

  #deeper<T>(run: () => T): T {
    if (this.#depth >= DEEPEST) {
      throw new TemplateError(`macros or loops call themselves more than ${DEEPEST} times`);
    }
    this.#depth++;
    try {
      return run();
    } finally {
      this.#depth--;
    }
  }

  #assign(target: AssignmentTarget, value: JinjaValue, scope: Scope): void {
    if (target.type === "name") return scope.set(target.name, value);
    if (target.type === "namespace") {
      const namespace = scope.get(target.name);
      if (namespace instanceof Namespace) {
        namespace.attributes.set(namespaceKey(target.attribute), value);
        return;
      }
      throw new TemplateError(
        `cannot assign to ${target.name}.${target.attribute}: ${target.name} isn't a namespace`,
      );
    }
    if (value instanceof Undefined) value.fail();
    const items = iterate(value);
    if (items.length !== target.items.length) {
      throw new TemplateError(`cannot unpack ${items.length} values into ${target.items.length} names`);
    }
    target.items.forEach((each, i) => this.#assign(each, items[i]!, scope));
  }

  #macro(name: string, { names, defaults }: Signature, body: readonly Statement[], scope: Scope): Callable {
    const takes = (word: string) => !names.includes(word) && mentions(body, word);
    const [takesMore, takesNamed] = [takes("varargs"), takes("kwargs")];
    const takesCaller = names.includes("caller") || mentions(body, "caller");
    return new Callable(name, (args, kwargs) =>
      this.#deeper(() => {
        const inner = new Scope(scope), left = new Map(kwargs);
        names.forEach((parameter, i) => {
          const value = defined(args[i], () => left.get(parameter));
          if (args[i] === undefined) left.delete(parameter);
          const otherwise = defaults[i - (names.length - defaults.length)];
          inner.set(
            parameter,
            defined(value, () =>
              otherwise === undefined
                ? new Undefined(`parameter '${parameter}' was not provided`)
                : this.value(otherwise, inner)),
          );
        });
        if (takesCaller && !names.includes("caller")) {
          inner.set("caller", left.get("caller") ?? new Undefined("No caller defined"));
          left.delete("caller");
        }
        if (takesNamed) {
          inner.set("kwargs", new Dict(left));
        } else {for (const key of left.keys()) {
            throw new TemplateError(`macro '${name}' takes no keyword argument '${key}'`);
          }}
        if (takesMore) {
          inner.set("varargs", new Tuple(args.slice(names.length)));
        } else if (args.length > names.length) {
          throw new TemplateError(`macro '${name}' takes not more than ${names.length} argument(s)`);
        }
        return this.#text(body, inner);
      }), new Map<string, JinjaValue>([["name", name], ["arguments", new Tuple(names)]]));
  }
}

/** True if a name occurs anywhere in a syntax tree. */
function mentions(node: unknown, name: string): boolean {
  if (typeof node !== "object" || node === null) return false;
  const { type, name: own } = node as { type?: string; name?: string };
  return (type === "name" && own === name) || Object.values(node).some((child) => mentions(child, name));
}
