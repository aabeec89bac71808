// Numbers, times and ages as people read them.

const DASH = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const known = (value) => value !== null && value !== undefined && Number.isFinite(Number(value));

/** 1234567 as 1,234,567; from ten thousand of anything live, `compact` is calmer. */
export const count = (value) => (known(value) ? whole.format(value) : DASH);

/** 41885600000 as 41.9B. */
export function compact(value) {
  if (!known(value)) return DASH;
  return Math.abs(value) < 1000 ? String(Number(Number(value).toPrecision(3))) : short.format(value);
}

/** Three digits or so, however large or small. */
export function figure(value) {
  if (!known(value)) return DASH;
  const size = Math.abs(value);
  if (size >= 1e6) return short.format(value);
  if (size >= 1000) return whole.format(value);
  if (size !== 0 && size < 0.001) return Number(value).toExponential(1);
  return String(Number(Number(value).toPrecision(4)));
}

export const percent = (value) => (known(value) ? `${figure(value * 100)} %` : DASH);

export function milliseconds(value) {
  if (!known(value)) return DASH;
  return value >= 10000 ? age(value / 1000) : `${value < 10 ? Number(Number(value).toFixed(1)) : count(value)} ms`;
}

/** Seconds as 8 s, 5 min, 3 h or 2 d. */
export function age(seconds) {
  if (!known(seconds)) return DASH;
  const past = Math.max(0, seconds);
  if (past < 10) return `${past < 1 ? "<1" : Math.round(past)} s`;
  if (past < 120) return `${Math.round(past)} s`;
  if (past < 7200) return `${Math.round(past / 60)} min`;
  if (past < 172800) return `${Math.round(past / 3600)} h`;
  return `${Math.round(past / 86400)} d`;
}

export const time = (ms) => (known(ms) ? clock.format(ms) : DASH);
export const shortTime = (ms) => (known(ms) ? minute.format(ms) : DASH);
export const date = (ms) => (known(ms) ? day.format(ms) : DASH);

/** A moment, as a <time> can hold it. */
export const iso = (ms) => (known(ms) ? new Date(Number(ms)).toISOString() : "");

/** JSON, indented, if it is JSON; else as it came. */
export function pretty(value) {
  if (value === null || value === undefined) return "(nothing)";
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

/** `top_features` as `top features`. */
export const words = (name) => String(name).replaceAll("_", " ");
