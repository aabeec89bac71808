// How an alert looks, wherever one is shown.

import { h, icon } from "../dom.js";
import { age } from "../format.js";
import { now } from "../state.js";

const NEVER = "0001-01-01T00:00:00Z";

/** What an alert is, in one word: a silenced or inhibited one fires, but nobody is to be told. */
export function standing(alert) {
  if (alert.status === "resolved") return "resolved";
  if (alert.muted?.startsWith("silence:")) return "silenced";
  if (alert.muted) return "inhibited";
  return alert.status;
}

export const began = (alert) => Date.parse(alert.startsAt);
export const ended = (alert) => (alert.endsAt && alert.endsAt !== NEVER ? Date.parse(alert.endsAt) : null);
export const severity = (alert) => alert.labels?.severity ?? "info";
export const nameOf = (alert) => alert.labels?.alertname ?? alert.fingerprint;

/** What an alert is about: labels that tell it from others of its name. */
export function about(alert) {
  const { alertname: _, severity: __, pipeline: ___, model: ____, ...rest } = alert.labels ?? {};
  const same = rest.feature === rest.signal;
  const usual = ([name, value]) => name === "detector" || (name === "feature" && same) || (name === "partition" && value === "0");
  const told = Object.entries(rest).filter((each) => !usual(each));
  return told.map(([name, value]) => `${name} ${value}`).join(", ");
}

export function severityMark(alert) {
  const kind = severity(alert);
  return h("span", { class: `severity severity-${kind}` }, icon(kind), h("span", {}, kind));
}

export function standingTag(alert) {
  const word = standing(alert);
  return h("span", { class: `tag tag-${word}` }, word);
}

/** One line of it, which leads to all of it. */
export function alertLine(alert) {
  return h(
    "a",
    { class: "urgent-line", href: `#/alerts/${encodeURIComponent(alert.fingerprint)}` },
    icon(severity(alert)),
    h("span", { class: "urgent-name" }, nameOf(alert), h("span", { class: "unseen" }, ` (${severity(alert)})`), " ", h("span", { class: "soft" }, about(alert))),
    h("span", { class: "soft" }, age((now() - (alert.recorded_ms ?? began(alert))) / 1000)),
  );
}
