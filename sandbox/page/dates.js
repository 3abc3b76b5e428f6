// Slack's date tokens: https://docs.slack.dev/messaging/formatting-message-text#date-formatting

const US = (options) => new Intl.DateTimeFormat("en-US", options);
const FORMATS = {
  short: US({ month: "short", day: "numeric", year: "numeric" }),
  weekday: US({ weekday: "long" }),
  month: US({ month: "long" }),
  time: US({ hour: "numeric", minute: "2-digit" }),
  seconds: US({ hour: "numeric", minute: "2-digit", second: "2-digit" }),
};

let ahead = 0; // milliseconds: how far the sandbox's time is ahead of the browser's, since hours may pass in seconds

export function setNow(seconds) {
  ahead = Math.round(seconds * 1000 - Date.now());
}

const now = () => Date.now() + ahead;

export function parseTs(ts) {
  return new Date(Number.parseFloat(ts) * 1000);
}

export function clock(date) {
  return FORMATS.time.format(date);
}

// The heading between two days' messages.
export function dayName(date) {
  return relativeDay(date) ?? `${FORMATS.weekday.format(date)}, ${FORMATS.month.format(date)} ${ordinal(date.getDate())}`;
}

export function spelled(date) {
  return `${clockOnDay(date)} ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
}

function clockOnDay(date) {
  return `${FORMATS.short.format(date)} at ${FORMATS.seconds.format(date)}`;
}

const TOKENS = {
  date_num: (date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-"),
  date_slash: (date) => `${date.getMonth() + 1}/${date.getDate()}/${date.getFullYear()}`,
  date: (date) => `${FORMATS.month.format(date)} ${ordinal(date.getDate())}, ${date.getFullYear()}`,
  date_short: (date) => FORMATS.short.format(date),
  date_long: (date) => `${FORMATS.weekday.format(date)}, ${TOKENS.date(date)}`,
  date_pretty: (date) => relativeDay(date)?.toLowerCase() ?? TOKENS.date(date),
  date_short_pretty: (date) => relativeDay(date)?.toLowerCase() ?? TOKENS.date_short(date),
  date_long_pretty: (date) => relativeDay(date)?.toLowerCase() ?? TOKENS.date_long(date),
  time: (date) => FORMATS.time.format(date),
  time_secs: (date) => FORMATS.seconds.format(date),
  ago,
};

// A pattern with an unknown token shows its fallback.
export function formatDate(seconds, pattern, fallback) {
  const date = new Date(Number(seconds) * 1000);
  const tokens = [...pattern.matchAll(/\{(\w+)\}/g)].map(([, token]) => token);
  if (Number.isNaN(date.getTime()) || !tokens.every((token) => token in TOKENS)) return fallback;
  const text = pattern.replace(/\{(\w+)\}/g, (_, token) => TOKENS[token](date));
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function ago(date) {
  const seconds = Math.round((now() - date) / 1000);
  const [unit, length] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, size]) => Math.abs(seconds) >= size) ?? [];
  if (!unit) return seconds >= 0 ? "just now" : "in a moment";
  const count = Math.floor(Math.abs(seconds) / length);
  const amount = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds >= 0 ? `${amount} ago` : `in ${amount}`;
}

function relativeDay(date) {
  const midnight = (moment) => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate());
  const days = Math.round((midnight(date) - midnight(new Date(now()))) / 86_400_000);
  return { "-1": "Yesterday", 0: "Today", 1: "Tomorrow" }[days] ?? null;
}

function ordinal(day) {
  const tail = day % 100 >= 11 && day % 100 <= 13 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th";
  return `${day}${tail}`;
}
