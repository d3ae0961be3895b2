/**
 * Errors that say that an account has nothing left: waiting doesn't help, and every other request would meet them.
 * @module
 */

/** Codes and types of OpenAI, Perplexity, Moonshot, LiteLLM, DashScope, Volcengine and others. */
const CODES: ReadonlySet<string> = new Set([
  "insufficient_quota",
  "exceeded_current_quota_error",
  "budget_exceeded",
  "billing_not_active",
  "billing_hard_limit_reached",
  "insufficient_balance",
  "insufficient_credits",
  "arrearage",
  "accountoverdueerror",
]);

/**
 * True if an error says that money or a budget is spent. What Gemini says of a minute's requests ("You exceeded your current quota,
 * please check your plan and billing details") isn't that: it passes.
 */
export function isQuota(message: string, code?: string | null, type?: string): boolean {
  if ([code, type].some((name) => CODES.has(String(name).toLowerCase()))) return true;
  // an error that repeats the request holds a person's words, and is longer
  return message.length < 400 &&
    /credit balance is too low|insufficient (account |credit )?(balance|credits|funds)|account balance is insufficient|budget has been exceeded|used all available credits|account (is|has been) (suspended|overdue)[^.]*billing|余额不足|账户已?欠费/i
      .test(message);
}
