/**
 * Gives the values of expressions, and counts the steps that it takes.
 * @module
 */
import { attribute, getItem } from "./attributes.ts";
import { applyFilter, test } from "./filters.ts";
import { formatPercent } from "./format.ts";
import type { CallArguments, Expression, Filter } from "./nodes.ts";
import { binary, compare, fits, unary } from "./operators.ts";
import { str } from "./print.ts";
import type { Scope } from "./scope.ts";
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

/** Expressions of one rendering. */
export class ExpressionEvaluation {
  #steps = 0;

  /** Counts work. @throws {StepLimitError} If it is more than a rendering may take. */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps <= MOST_STEPS) return;
    throw new StepLimitError(
      `it takes more than ${MOST_STEPS} steps: is there a loop that grows with each turn?`,
    );
  }

  /** The value of an expression. */
  value(expression: Expression, scope: Scope): JinjaValue {
    this.spend(1);
    const value = (each: Expression) => this.value(each, scope);
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
        return this.#measured(this.call(expression, scope));
      case "filter":
        return this.filtered(expression, null, scope);
      case "test": {
        const operand = value(expression.operand);
        return test(expression.name, operand, ...this.#arguments(expression.arguments, scope));
      }
    }
  }

  /** The value of a call; `caller` is what a call block hands over. @throws {TemplateError} If what is called is no function */
  call(
    { callee, arguments: given }: Expression & { type: "call" },
    scope: Scope,
    caller?: JinjaValue,
  ): JinjaValue {
    const called = this.value(callee, scope);
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

  /** A text as a filter, or a chain of filters, makes it. */
  filtered(filter: Filter | null, text: JinjaValue, scope: Scope): JinjaValue {
    if (filter === null) return text;
    const value = filter.operand === null
      ? text
      : filter.operand.type === "filter"
      ? this.filtered(filter.operand, text, scope)
      : this.value(filter.operand, scope);
    const [args, kwargs] = this.#arguments(filter.arguments, scope);
    this.#measured(value);
    return this.#measured(applyFilter(filter.name, value, args, kwargs));
  }

  #arguments(given: CallArguments, scope: Scope): [JinjaValue[], Kwargs] {
    const args = given.args.map((each) => this.#measured(this.value(each, scope)));
    const kwargs = new Map(given.kwargs.map(([name, value]) => [name, this.value(value, scope)]));
    if (given.spread !== null) args.push(...iterate(this.value(given.spread, scope)));
    if (given.kwspread !== null) {
      const more = this.value(given.kwspread, scope);
      if (!(more instanceof Dict)) {
        throw new TemplateError(`argument after ** must be a mapping, not ${typeName(more)}`);
      }
      for (const [key, value] of more.items()) kwargs.set(str(key), value);
    }
    return [args, kwargs];
  }

  /** Counts the work that goes with a value's size. */
  #measured<T extends JinjaValue>(value: T): T {
    this.spend(sizeOf(value));
    return value;
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
