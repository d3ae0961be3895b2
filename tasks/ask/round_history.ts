/**
 * Past rounds of requests by width of the window: how many complained, and how fast the others were.
 * @module
 */

/** Sums over requests of a round. */
export interface Round {
  /** Number of finished requests. */
  requests: number;
  /** Those that the endpoint complained about. */
  complaints: number;
  /** Milliseconds that the others took together. */
  ms: number;
  /** Tokens that the others made together. */
  work: number;
}

/** A round before its first request. */
export const NOTHING: Readonly<Round> = Object.freeze({ requests: 0, complaints: 0, ms: 0, work: 0 });

/** Windows up to this share of another one are clearly smaller. */
const SMALLER = 0.75;
/** Assumption about smaller windows before anything is known: servers fail now and then, but not half of the time. */
const BEFORE: Readonly<Round> = Object.freeze({ requests: 20, complaints: 1, ms: 0, work: 0 });
/** A growth of the share of complaints that costs less than a smaller window. */
const HARMLESS = 0.1;
/** Standard deviations that chance doesn't reach in a run of many rounds. */
const SIGMAS = 3.5;
/** Share of old rounds that is kept with every new one: servers change. */
const FADING = 0.97;
/** Answers whose mean time means something. */
const ENOUGH = 8;
/** A share of the tokens per second that other answers, shorter or longer ones, don't explain. */
const COLLAPSE = 1 / 3;

/** See the module's text. */
export class RoundHistory {
  readonly #rounds = new Map<number, Round>();

  /** Adds a round at a window. */
  add(window: number, round: Round): void {
    for (const [other, old] of this.#rounds) this.#rounds.set(other, sum(FADING, old, NOTHING));
    this.#rounds.set(window, sum(1, this.#rounds.get(window) ?? NOTHING, round));
  }

  /**
   * True if a larger share of a round is complained about than of clearly smaller windows, beyond chance. Windows from the
   * smallest to each of them are taken together, because a server that is asked for a little more each time complains a little
   * more each time.
   * @param window Requests at once
   */
  hasGrown(window: number, round: Round): boolean {
    let before = BEFORE;
    if (isMore(round, before)) return true;
    for (const [, other] of this.#smaller(window)) {
      before = sum(1, before, other);
      if (isMore(round, before)) return true;
    }
    return false;
  }

  /** True if latency has grown so much faster than the window that far fewer tokens come in a second. */
  isSlower(window: number, round: Round): boolean {
    const rate = rateOf(window, round);
    return rate !== null &&
      this.#smaller(window).some(([other, before]) => rate < COLLAPSE * (rateOf(other, before) ?? 0));
  }

  #smaller(window: number): [number, Round][] {
    return [...this.#rounds].filter(([other]) => other <= SMALLER * window).sort(([a], [b]) => a - b);
  }
}

/** Test of two shares: whether the first one is larger by more than chance, and by more than is harmless. */
function isMore(round: Round, before: Round): boolean {
  const growth = round.complaints / round.requests - before.complaints / before.requests;
  const share = (round.complaints + before.complaints) / (round.requests + before.requests);
  const deviation = Math.sqrt(share * (1 - share) * (1 / round.requests + 1 / before.requests));
  return growth > HARMLESS && growth > SIGMAS * deviation;
}

/** Tokens per millisecond of all requests at once; null where too few answers tell. */
function rateOf(window: number, { requests, complaints, ms, work }: Round): number | null {
  return requests - complaints < ENOUGH || ms <= 0 ? null : window * work / ms;
}

function sum(factor: number, a: Round, b: Round): Round {
  return {
    requests: factor * a.requests + b.requests,
    complaints: factor * a.complaints + b.complaints,
    ms: factor * a.ms + b.ms,
    work: factor * a.work + b.work,
  };
}
