/**
 * TRACE's 5 types and 26 dimensions of constraints, by the labels of its data.
 *
 * Zhang et al. 2025, arXiv 2411.06208, section 4.1; the mapping of Chinese labels to the paper's names is ours, by meaning.
 * @module
 */

/** Types of constraints. */
export const TRACE_TYPES = ["Content", "Situation", "Style", "Format", "Example"] as const;

/** One of {@linkcode TRACE_TYPES}, or `Unknown` for labels outside of the taxonomy (the data has two). */
export type TraceType = (typeof TRACE_TYPES)[number] | "Unknown";

/** Type and dimension by label. */
export const TRACE_TAXONOMY: Readonly<Record<string, readonly [TraceType, string]>> = Object.freeze({
  主题约束: ["Content", "Theme"],
  排除约束: ["Content", "Exclusion"],
  包含约束: ["Content", "Inclusion"],
  价值观约束: ["Content", "Value"],
  隐私约束: ["Content", "Privacy"],
  数值约束: ["Content", "Numerical"],
  角色扮演约束: ["Situation", "Role-playing"],
  受众目标约束: ["Situation", "Target audience"],
  先验条件约束: ["Situation", "Prior condition"],
  自然语言流程背景信息约束: ["Situation", "Natural-language process background"],
  markdown流程背景信息约束: ["Situation", "Markdown process background"],
  表格背景信息约束: ["Situation", "Table background"],
  文本背景信息约束: ["Situation", "Text background"],
  语气风格约束: ["Style", "Tone and style"],
  情感情绪约束: ["Style", "Emotion"],
  语言特征约束: ["Style", "Linguistic characteristics"],
  多语言约束: ["Style", "Multilingual"],
  输出格式约束: ["Format", "Output format"],
  文本样式约束: ["Format", "Text pattern"],
  语法结构约束: ["Format", "Grammar structure"],
  引用和参考约束: ["Format", "Citation"],
  编号和列表约束: ["Format", "Numbering and list"],
  层次化结构约束: ["Format", "Hierarchical structure"],
  模版约束: ["Format", "Template"],
  正例约束: ["Example", "Positive example"],
  负例约束: ["Example", "Negative example"],
});

/** Type and dimension of a label; an unknown one is a dimension of its own. */
export function traceGroups(label: string): { type: TraceType; dimension: string } {
  const known = Object.hasOwn(TRACE_TAXONOMY, label) ? TRACE_TAXONOMY[label] : undefined;
  const [type, dimension] = known ?? ["Unknown" as const, label];
  return { type, dimension };
}
