/**
 * Formats of texts as expressions (RFC 3339, 3986, 4122, 5321, 6570, 6901 and their like). Each takes a part of what its RFC takes: no comments
 * in addresses, at most four labels of at most 24 signs in host names.
 * @module
 */

const DAY = "(?:0[1-9]|1\\d|2[0-8])";
const LEAP = "(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
const DATE =
  `(?:\\d{4}-(?:(?:0[1-9]|1[0-2])-${DAY}|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)|${LEAP}-02-29)`;
const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";

const HOURS = "T(?:\\d{1,9}H(?:\\d{1,9}M(?:\\d{1,9}S)?)?|\\d{1,9}M(?:\\d{1,9}S)?|\\d{1,9}S)";
const DAYS = "(?:\\d{1,9}Y(?:\\d{1,9}M(?:\\d{1,9}D)?)?|\\d{1,9}M(?:\\d{1,9}D)?|\\d{1,9}D)";

const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,22}[A-Za-z0-9])?";
const NAME = "[A-Za-z0-9](?:[A-Za-z0-9\\-]*[A-Za-z0-9])?";
const WORD = "[A-Za-z0-9!#$%&'*+\\/=?^_`{|}~\\-]+";

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const GROUP = "[0-9A-Fa-f]{1,4}";
/** Eight groups, or fewer around "::". */
const IPV6 = [
  `(?:${GROUP}:){7}${GROUP}`,
  `(?:${GROUP}:){1,7}:`,
  ...[6, 5, 4, 3, 2, 1].map((before) => `(?:${GROUP}:){1,${before}}(?::${GROUP}){1,${7 - before}}`),
  `:(?::${GROUP}){1,7}`,
  "::",
].join("|");

const ESCAPED = "%[0-9A-Fa-f]{2}";
const SIGNS = "A-Za-z0-9\\-._~!$&'()*+,;=@";
const [SIGN, FIRST] = [`(?:[${SIGNS}:]|${ESCAPED})`, `(?:[${SIGNS}]|${ESCAPED})`];
const BEHIND = `(?:\\?(?:${SIGN}|[\\/?])*)?(?:#(?:${SIGN}|[\\/?])*)?`;
const AUTHORITY = `(?:[A-Za-z0-9\\-._~!$&'()*+,;=]|${ESCAPED})+(?::\\d{1,5})?`;
const SCHEME = "[A-Za-z][A-Za-z0-9+.\\-]*:";
const URI = `${SCHEME}(?:\\/\\/${AUTHORITY}(?:\\/${SIGN}*)*|${SIGN}+(?:\\/${SIGN}*)*)${BEHIND}`;
const RELATIVE = `(?:${FIRST}+(?:\\/${SIGN}*)*|\\/(?:${SIGN}+(?:\\/${SIGN}*)*)?)?${BEHIND}`;

const VARIABLE = "[A-Za-z0-9_]+(?::[1-9]\\d{0,3}|\\*)?";
const POINTER = "(?:\\/(?:[^~\\/]|~[01])*)*";

/** Expression of each format, from the text's begin to its end. */
export const TEXT_FORMATS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    date: DATE,
    time: TIME,
    "date-time": `${DATE}T${TIME}`,
    duration: `P(?:${DAYS}(?:${HOURS})?|${HOURS}|\\d{1,9}W)`,
    email: `${WORD}(?:\\.${WORD})*@(?:${NAME}\\.)+${NAME}`,
    hostname: `${LABEL}(?:\\.${LABEL}){0,3}`,
    ipv4: `${OCTET}(?:\\.${OCTET}){3}`,
    ipv6: IPV6,
    uri: URI,
    "uri-reference": `${URI}|${RELATIVE}`,
    "uri-template":
      `(?:[A-Za-z0-9\\-._~!$&()*+,;=:@\\/?#]|\\{[+#.\\/;?&]?${VARIABLE}(?:,${VARIABLE})*\\}|${ESCAPED})*`,
    uuid: "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    "json-pointer": POINTER,
    "relative-json-pointer": `(?:0|[1-9]\\d{0,8})(?:#|${POINTER})`,
  }).map(([name, expression]) => [name, `^(?:${expression})$`]),
);
