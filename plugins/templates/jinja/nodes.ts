/**
 * The syntax tree of a template. Names follow Jinja2's nodes.
 * @module
 */

/** Arguments of a call, filter or test. */
export interface CallArguments {
  /** By position. */
  args: Expression[];
  /** By name. */
  kwargs: [string, Expression][];
  /** `*list`. */
  spread: Expression | null;
  /** `**dict`. */
  kwspread: Expression | null;
}

/** Operators of two operands. */
export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";

/** Operators of comparisons. */
export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

/** Gives a value. */
export type Expression =
  | { type: "constant"; value: null | boolean | bigint | number | string }
  | { type: "name"; name: string }
  | { type: "list" | "tuple"; items: Expression[] }
  | { type: "dict"; items: [Expression, Expression][] }
  | { type: "condition"; test: Expression; then: Expression; otherwise: Expression | null }
  | { type: "and" | "or"; left: Expression; right: Expression }
  | { type: "not"; operand: Expression }
  | { type: "unary"; operator: "-" | "+"; operand: Expression }
  | { type: "binary"; operator: BinaryOperator; left: Expression; right: Expression }
  | { type: "compare"; left: Expression; rest: [CompareOperator, Expression][] }
  | { type: "concat"; items: Expression[] }
  | { type: "attribute"; object: Expression; name: string }
  | { type: "item"; object: Expression; key: Expression }
  | { type: "slice"; start: Expression | null; stop: Expression | null; step: Expression | null }
  | { type: "call"; callee: Expression; arguments: CallArguments }
  | Filter
  | { type: "test"; operand: Expression; name: string; arguments: CallArguments };

/** A filter; without operand in `{% filter %}` and `{% set x | f %}`. */
export interface Filter {
  /** Kind of node. */
  type: "filter";
  /** The filtered expression; null: the block's text. */
  operand: Expression | null;
  /** Such as "tojson". */
  name: string;
  /** Further arguments. */
  arguments: CallArguments;
}

/** Target of an assignment. */
export type AssignmentTarget =
  | { type: "name"; name: string }
  | { type: "namespace"; name: string; attribute: string }
  | { type: "tuple"; items: AssignmentTarget[] };

/** Parameters of a macro or a call block. */
export interface Signature {
  /** Names of the parameters, in order. */
  names: string[];
  /** Defaults of the last names. */
  defaults: Expression[];
}

/** Writes text or changes variables. */
export type Statement =
  | { type: "data"; text: string }
  | { type: "print"; value: Expression }
  | { type: "if"; branches: [Expression, Statement[]][]; otherwise: Statement[] }
  | {
    type: "for";
    target: AssignmentTarget;
    iterable: Expression;
    test: Expression | null;
    recursive: boolean;
    body: Statement[];
    otherwise: Statement[];
  }
  | { type: "break" | "continue" }
  | { type: "set"; target: AssignmentTarget; value: Expression }
  | { type: "set_block"; target: AssignmentTarget; filter: Filter | null; body: Statement[] }
  | { type: "with"; targets: [AssignmentTarget, Expression][]; body: Statement[] }
  | { type: "macro"; name: string; signature: Signature; body: Statement[] }
  | { type: "call_block"; call: Expression & { type: "call" }; signature: Signature; body: Statement[] }
  | { type: "filter_block"; filter: Filter; body: Statement[] }
  | { type: "scope"; body: Statement[] };
