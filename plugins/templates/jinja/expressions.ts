/**
 * Reads expressions, with the precedences of Jinja2 3.1 (module jinja2.parser): operators, the loosest first.
 * @module
 */
import type { BinaryOperator, CompareOperator, Expression } from "./nodes.ts";
import { OperandParser } from "./operands.ts";

/** Deeper expressions are refused, before the stack ends. */
const DEEPEST = 200;

/** Reads expressions from the place where it is. */
export class ExpressionParser extends OperandParser {
  #depth = 0;

  /** One expression. */
  expression(withCondition: boolean = true): Expression {
    if (++this.#depth > DEEPEST) this.fail(`an expression is nested more than ${DEEPEST} levels deep`);
    const value = withCondition ? this.#condition() : this.#or();
    this.#depth--;
    return value;
  }

  #condition(): Expression {
    let value = this.#or();
    while (this.skip("name", "if")) {
      const test = this.#or();
      const otherwise = this.skip("name", "else") ? this.#condition() : null;
      value = { type: "condition", test, then: value, otherwise };
    }
    return value;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.skip("name", "or")) left = { type: "or", left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.skip("name", "and")) left = { type: "and", left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    let count = 0;
    while (this.skip("name", "not")) count++;
    let value = this.#compare();
    for (; count > 0; count--) value = { type: "not", operand: value };
    return value;
  }

  #compare(): Expression {
    const left = this.#sum();
    const rest: [CompareOperator, Expression][] = [];
    for (;;) {
      const { type, value } = this.token;
      if (type === "operator" && ["==", "!=", "<", "<=", ">", ">="].includes(value)) {
        this.take();
        rest.push([value as CompareOperator, this.#sum()]);
      } else if (this.skip("name", "in")) rest.push(["in", this.#sum()]);
      else if (this.is("name", "not") && this.is("name", "in", 1)) {
        this.take();
        this.take();
        rest.push(["not in", this.#sum()]);
      } else return rest.length === 0 ? left : { type: "compare", left, rest };
    }
  }

  #binary(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    while (this.token.type === "operator" && operators.includes(this.token.value)) {
      const operator = this.take().value as BinaryOperator;
      left = { type: "binary", operator, left, right: operand() };
    }
    return left;
  }

  #sum(): Expression {
    return this.#binary(["+", "-"], () => this.#concat());
  }

  #concat(): Expression {
    const items = [this.#product()];
    while (this.skip("operator", "~")) items.push(this.#product());
    return items.length === 1 ? items[0]! : { type: "concat", items };
  }

  #product(): Expression {
    return this.#binary(["*", "/", "//", "%"], () => this.#binary(["**"], () => this.#unary()));
  }

  #unary(withFilter: boolean = true): Expression {
    if (++this.#depth > DEEPEST) this.fail(`an expression is nested more than ${DEEPEST} levels deep`);
    let value: Expression;
    if (this.is("operator", "-") || this.is("operator", "+")) {
      const operator = this.take().value as "-" | "+";
      value = { type: "unary", operator, operand: this.#unary(false) };
    } else value = this.primary();
    value = this.postfix(value);
    if (withFilter) value = this.filtersAndTests(value);
    this.#depth--;
    return value;
  }
}
