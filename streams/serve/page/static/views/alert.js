// One alert with its evidence, its history, and what can be ordered.

import { order, whyNot } from "../dialog.js";
import { distribution } from "../distribution.js";
import { facts, h, icon, link, put } from "../dom.js";
import { count, date, figure, iso, percent, words } from "../format.js";
import { about, began, ended, nameOf, severityMark, standing, standingTag } from "./alertparts.js";
import { acknowledge, resolve, silence } from "./orders.js";
import { evidence as driftEvidence, rebaseline, shapeOf } from "./signal.js";

export function detail(node, alert, close) {
  const fresh = node.dataset.of !== alert.fingerprint;
  const top = node.scrollTop;
  node.dataset.of = alert.fingerprint;
  const now = standing(alert);
  const { summary, description, runbook_url: runbook, value, threshold } = alert.annotations ?? {};
  const title = h("h2", { tabindex: "-1", class: "break" }, nameOf(alert), " ", h("span", { class: "soft" }, about(alert)));
  const drift = driftOf(alert);
  put(
    node,
    h("div", { class: "beside-head" }, h("button", { type: "button", class: "quiet back", onclick: close }, icon("back"), "All alerts")),
    title,
    h("p", { class: "line" }, severityMark(alert), standingTag(alert), since(alert)),
    buttons(alert, now, drift),
    summary ? h("p", { class: "summary break" }, summary) : null,
    description && description !== summary ? h("p", { class: "break soft" }, description) : null,
    drift && hasShape(drift) ? distribution(shapeOf(drift)) : null,
    drift ? driftEvidence(drift) : measured(alert.evidence, value, threshold),
    facts([
      ["runbook", runbook ? link(runbook) : null],
      ["acknowledged by", alert.acknowledged ? said(alert.acknowledged) || "somebody" : null],
      ["muted by", alert.muted || null],
      ["held back", alert.held_back ? `${count(alert.held_back)} other transitions before this one` : null],
      ["traceparent", alert.traceparent],
      ["source", alert.source],
      ["lies at", alert.offset === undefined ? null : `partition ${alert.partition}, offset ${count(alert.offset)}`],
    ]),
    h("h3", {}, "Labels"),
    h("p", { class: "labels" }, Object.entries(alert.labels ?? {}).map(([name, each]) => h("span", { class: "label" }, `${name}=${each}`))),
    h("h3", {}, "History"),
    history(alert),
  );
  if (fresh) title.focus({ preventScroll: true });
  else node.scrollTop = top;
}

/** The whole drift record behind an alert, if the API sends it. */
export const driftOf = (alert) => (alert.drift && typeof alert.drift === "object" ? alert.drift : null);

function hasShape(drift) {
  const shape = shapeOf(drift);
  return Boolean(shape.edges?.length || shape.categories?.length);
}

function since(alert) {
  const end = ended(alert);
  return h("span", { class: "soft" }, "since ", h("time", { datetime: iso(began(alert)) }, date(began(alert))), end ? [" until ", h("time", {}, date(end))] : null);
}

function buttons(alert, now, drift) {
  if (now === "resolved") return h("p", { class: "soft" }, "It is over. If it comes back, it fires again.");
  const signal = drift?.signal ?? alert.labels?.signal;
  return h(
    "div",
    { class: "buttons" },
    alert.status === "acknowledged" ? null : order("admin", { class: "primary", onclick: () => acknowledge(alert), "aria-keyshortcuts": "a" }, "Acknowledge …"),
    order("admin", { onclick: () => silence(alert), "aria-keyshortcuts": "s" }, "Silence …"),
    order("admin", { onclick: () => resolve(alert), "aria-keyshortcuts": "r" }, "Resolve …"),
    signal ? order("admin", { onclick: () => rebaseline(signal) }, "Take as new normal …") : null,
    whyNot("admin"),
  );
}

function measured(found, value, threshold) {
  const given = found ?? {};
  const offsets = given.first_offset === undefined || given.first_offset === null ? null : `${count(given.first_offset)} to ${count(given.last_offset)}`;
  const side = (each) => (each ? [each.window, each.n === undefined ? null : `${count(each.n)} records`].filter(Boolean).join(", ") : null);
  const features = (given.top_features ?? []).map((each) => (typeof each === "string" ? each : `${each.signal} ${percent(each.share)}`)).join(", ");
  return h(
    "article",
    { class: "evidence" },
    facts([
      ["value", figure(given.value ?? value)],
      ["threshold", figure(given.threshold ?? threshold)],
      ["statistic", given.statistic === undefined ? null : figure(given.statistic)],
      ["p-value", given.p_value === undefined || given.p_value === null ? null : figure(given.p_value)],
      ["effect", given.effect_size === undefined || given.effect_size === null ? null : figure(given.effect_size)],
      ["reference", side(given.reference)],
      ["current", side(given.current)],
      ["records", given.n === undefined ? null : count(given.n)],
      ["window", given.window],
      ["offsets", offsets],
      ["carried by", features],
      ["suspected", given.suspected_cause],
    ]),
  );
}

const said = (each) => [each.by, each.why].filter(Boolean).join(": ");

function history(alert) {
  const told = alert.history ?? [];
  if (!told.length) return h("p", { class: "soft" }, "Only its newest state is kept.");
  return h(
    "ol",
    { class: "events" },
    told.toReversed().map((each) => {
      const who = said(each);
      return h("li", { class: "event" }, h("span", { class: "event-text" }, h("b", {}, words(each.transition ?? each.status)), who ? h("span", { class: "soft" }, ` ${who}`) : null), h("time", { class: "soft" }, date(each.recorded_ms ?? each.time)));
    }),
  );
}
