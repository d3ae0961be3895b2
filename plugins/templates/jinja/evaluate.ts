/**
 * Runs a template: statements write text, expressions give values.
 * @module
 */
import { attribute, getItem } from "./attributes.ts";
import { applyFilter, test } from "./filters.ts";
import { formatPercent } from "./format.ts";
import { namespaceKey } from "./globals.ts";
import type { AssignmentTarget, CallArguments, Expression, Filter, Signature, Statement } from "./nodes.ts";
import { binary, compare, fits, unary } from "./operators.ts";
import { str } from "./print.ts";
import {
  asText,
  Callable,
  defined,
  Dict,
  DictView,
  iterate,
  Iterator,
  type JinjaValue,
  type Kwargs,
  Loop,
  Markup,
  Namespace,
  Range,
  Slice,
  StepLimitError,
  TemplateError,
  truthy,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

/**
 * Steps of one rendering at most: one or two seconds. A step is one node of the syntax tree, a third of a loop's turn, four items
 * of a list, or 256 characters of text; a conversation of a hundred turns takes some ten thousand.
 */
const MOST_STEPS = 2_000_000;

/** Macros and loops that call themselves are stopped at this depth, before the stack ends. */
const DEEPEST = 150;

/** Variables of a block; inner ones are forgotten at its end. */
class Scope {
  readonly #values = new Map<string, JinjaValue>();
  constructor(readonly parent: Scope | null) {}

  get(name: string): JinjaValue | undefined {
    // null is a value too
    const value = this.#values.get(name);
    return value === undefined ? this.parent?.get(name) : value;
  }

  set(name: string, value: JinjaValue): void {
    this.#values.set(name, value);
  }
}

type Leave = "break" | "continue" | undefined;

/** One rendering. */
export class Evaluation {
  #steps = 0;
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

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps <= MOST_STEPS) return;
    throw new StepLimitError(
      `it takes more than ${MOST_STEPS} steps: is there a loop that grows with each turn?`,
    );
  }

  #write(text: string): void {
    this.#spend(1 + text.length / 256);
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
    this.#spend(1);
    switch (statement.type) {
      case "data":
        this.#write(statement.text);
        return;
      case "print":
        this.#write(str(this.#value(statement.value, scope)));
        return;
      case "if": {
        const branch = statement.branches.find(([condition]) => truthy(this.#value(condition, scope)));
        return this.#run(branch === undefined ? statement.otherwise : branch[1], scope);
      }
      case "for":
        return this.#for(statement, this.#value(statement.iterable, scope), scope, 0);
      case "break":
      case "continue":
        return statement.type;
      case "set":
        this.#assign(statement.target, this.#value(statement.value, scope), scope);
        return;
      case "set_block": {
        const text = this.#text(statement.body, new Scope(scope));
        this.#assign(statement.target, this.#filtered(statement.filter, text, scope), scope);
        return;
      }
      case "with": {
        const inner = new Scope(scope);
        for (const [target, value] of statement.targets) {
          this.#assign(target, this.#value(value, scope), inner);
        }
        return this.#run(statement.body, inner);
      }
      case "macro":
        scope.set(statement.name, this.#macro(statement.name, statement.signature, statement.body, scope));
        return;
      case "call_block": {
        const caller = this.#macro("caller", statement.signature, statement.body, scope);
        this.#write(str(this.#call(statement.call, scope, caller)));
        return;
      }
      case "filter_block":
        this.#write(
          str(this.#filtered(statement.filter, this.#text(statement.body, new Scope(scope)), scope)),
        );
        return;
      case "scope":
        return this.#run(statement.body, new Scope(scope));
    }
  }

  #for(statement: Statement & { type: "for" }, iterable: JinjaValue, scope: Scope, depth: number): Leave {
    let items = iterate(iterable);
    this.#spend(3 * items.length);
    if (statement.test !== null) {
      const { target, test } = statement;
      items = items.filter((each) => {
        const inner = new Scope(scope);
        this.#assign(target, each, inner);
        return truthy(this.#value(test, inner));
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
                : this.#value(otherwise, inner)),
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

  #arguments(given: CallArguments, scope: Scope): [JinjaValue[], Kwargs] {
    const args = given.args.map((each) => this.#measured(this.#value(each, scope)));
    const kwargs = new Map(given.kwargs.map(([name, value]) => [name, this.#value(value, scope)]));
    if (given.spread !== null) args.push(...iterate(this.#value(given.spread, scope)));
    if (given.kwspread !== null) {
      const more = this.#value(given.kwspread, scope);
      if (!(more instanceof Dict)) {
        throw new TemplateError(`argument after ** must be a mapping, not ${typeName(more)}`);
      }
      for (const [key, value] of more.items()) kwargs.set(str(key), value);
    }
    return [args, kwargs];
  }

  #call(
    { callee, arguments: given }: Expression & { type: "call" },
    scope: Scope,
    caller?: JinjaValue,
  ): JinjaValue {
    const called = this.#value(callee, scope);
    const [args, named] = this.#arguments(given, scope);
    const kwargs = caller === undefined ? named : new Map([...named, ["caller", caller]]);
    if (called instanceof Callable) return called.call(args, kwargs);
    if (called instanceof Undefined) return called.fail();
    if (called instanceof Loop) {
      if (called.recurse === null) throw new TemplateError("a loop must be recursive to be called");
      return called.recurse(args[0]!);
    }
    throw new TemplateError(`'${typeName(called)}' object is not callable`);
  }

  #filtered(filter: Filter | null, text: JinjaValue, scope: Scope): JinjaValue {
    if (filter === null) return text;
    const value = filter.operand === null
      ? text
      : filter.operand.type === "filter"
      ? this.#filtered(filter.operand, text, scope)
      : this.#value(filter.operand, scope);
    const [args, kwargs] = this.#arguments(filter.arguments, scope);
    this.#measured(value);
    return this.#measured(applyFilter(filter.name, value, args, kwargs));
  }

  /** Counts the work that goes with a value's size. */
  #measured<T extends JinjaValue>(value: T): T {
    this.#spend(sizeOf(value));
    return value;
  }

  #value(expression: Expression, scope: Scope): JinjaValue {
    this.#spend(1);
    const value = (each: Expression) => this.#value(each, scope);
    switch (expression.type) {
      case "constant":
        return expression.value;
      case "name":
        return defined(scope.get(expression.name), () => new Undefined(`'${expression.name}' is undefined`));
      case "list":
        return expression.items.map(value);
      case "tuple":
        return new Tuple(expression.items.map(value));
      case "dict":
        return new Dict(expression.items.map(([key, each]) => [value(key), value(each)]));
      case "condition":
        if (truthy(value(expression.test))) return value(expression.then);
        return expression.otherwise === null
          ? new Undefined("the inline if-expression evaluated to false and no else section was defined")
          : value(expression.otherwise);
      case "and": {
        const left = value(expression.left);
        return truthy(left) ? value(expression.right) : left;
      }
      case "or": {
        const left = value(expression.left);
        return truthy(left) ? left : value(expression.right);
      }
      case "not":
        return !truthy(value(expression.operand));
      case "unary":
        return unary(expression.operator, value(expression.operand));
      case "binary": {
        const { operator } = expression, left = value(expression.left), right = value(expression.right);
        const isFormat = operator === "%" && (typeof left === "string" || left instanceof Markup);
        return this.#measured(isFormat ? formatPercent(left, right) : binary(operator, left, right));
      }
      case "compare": {
        let left = value(expression.left);
        return expression.rest.every(([operator, each]) => {
          const right = this.#measured(value(each)), holds = compare(operator, left, right);
          left = right;
          return holds;
        });
      }
      case "concat":
        return this.#measured(fits(expression.items.map((each) => str(value(each))).join("")));
      case "attribute":
        return attribute(value(expression.object), expression.name);
      case "item":
        return this.#measured(getItem(value(expression.object), value(expression.key)));
      case "slice": {
        const part = (each: Expression | null) => each === null ? null : value(each);
        return new Slice(part(expression.start), part(expression.stop), part(expression.step));
      }
      case "call":
        return this.#measured(this.#call(expression, scope));
      case "filter":
        return this.#filtered(expression, null, scope);
      case "test": {
        const operand = value(expression.operand);
        return test(expression.name, operand, ...this.#arguments(expression.arguments, scope));
      }
    }
  }
}

/** Steps that it takes to walk over a value: four items or 256 characters are one. */
function sizeOf(value: JinjaValue): number {
  const text = asText(value);
  if (text !== undefined) return text.length / 256;
  if (Array.isArray(value) || value instanceof Range) return value.length / 4;
  if (value instanceof Tuple) return value.items.length / 4;
  if (value instanceof Dict) return value.size / 4;
  if (value instanceof DictView) return value.dict.size / 4;
  return value instanceof Iterator ? value.left / 4 : 0;
}

/** Whether a name occurs anywhere in a syntax tree. */
function mentions(node: unknown, name: string): boolean {
  if (typeof node !== "object" || node === null) return false;
  const { type, name: own } = node as { type?: string; name?: string };
  return (type === "name" && own === name) || Object.values(node).some((child) => mentions(child, name));
}
