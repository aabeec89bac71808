// One signal: what it was and what it is, and the drifts that were found in it.

import { send } from "../api.js";
import { ask, order, toast } from "../dialog.js";
import { distribution } from "../distribution.js";
import { empty, facts, h, icon, put } from "../dom.js";
import { count, date, figure, percent, words } from "../format.js";
import { gauge } from "./drift.js";

const DRIFTS = 10;

export function detail(node, found, close) {
  const fresh = node.dataset.of !== found.signal;
  const top = node.scrollTop;
  node.dataset.of = found.signal;
  const back = h("button", { type: "button", class: "quiet back", onclick: close }, icon("back"), "All signals");
  const title = h("h2", { tabindex: "-1", class: "break" }, found.signal);
  put(
    node,
    h("div", { class: "beside-head" }, back, order("admin", { class: "small", onclick: () => rebaseline(found.signal) }, "Take as new normal …")),
    title,
    h("p", { class: "line" }, h("span", { class: `state-mark state-${found.state}` }, icon(found.state), found.state), gauge(found)),
    distribution(shapeOf(found)),
    facts([
      ["kind", found.kind],
      ["feature", found.feature === found.signal ? null : found.feature],
      ["segment", found.segment],
      ["detector", found.detector],
      ["ready", found.ready === undefined ? null : found.ready ? "yes" : "not yet: it still gathers what is normal"],
      ["distance", found.distance === null || found.distance === undefined ? null : `${figure(found.distance)} (${words(found.measure ?? "")})`],
      ["last drift began", found.since ? `${date(found.since.time)}, offset ${count(found.since.offset)}` : null],
      ["reference", range(found.reference)],
      ["current", range(found.current)],
    ]),
    h("h3", {}, "Drifts"),
    drifts(found.drifts),
  );
  if (fresh) title.focus({ preventScroll: true });
  else node.scrollTop = top;
}

/** The two distributions as `distribution` takes them. */
export function shapeOf(found) {
  return found.histogram?.edges?.length ? found.histogram : { categories: found.categories ?? [] };
}

function range(side) {
  if (!side) return null;
  const records = side.n === undefined ? null : `${count(side.n)} records`;
  return [side.window, records].filter(Boolean).join(", ") || null;
}

function drifts(all) {
  const records = Array.isArray(all) ? all : [];
  if (!records.length) return empty("None yet", "When it drifts, what moved and since when stands here.");
  return records.slice(0, DRIFTS).map((each) => evidence(each.drift ?? each));
}

/** What a drift record tells. */
export function evidence(drift) {
  const features = (drift.top_features ?? []).map((each) => `${each.signal} ${percent(each.share)}`).join(", ");
  const changes = (drift.changes ?? []).map((each) => (each.now ?? null) === null ? each.kind : `${each.kind} ${figure(each.before)} → ${figure(each.now)}`).join(", ");
  return h(
    "article",
    { class: "evidence" },
    h("p", { class: "evidence-head" }, h("b", {}, [drift.change, drift.direction].filter(Boolean).map(words).join(" ") || "changed"), " ", h("time", { class: "soft" }, date(drift.detected?.time))),
    facts([
      ["changes", changes],
      ["began", drift.start ? `${date(drift.start.time)}, offset ${count(drift.start.offset)}, ${count(drift.start.records)} records before the alarm` : null],
      ["statistic", drift.statistic === undefined ? null : `${figure(drift.statistic)} of ${figure(drift.threshold)}`],
      ["p-value", drift.p_value === null || drift.p_value === undefined ? null : figure(drift.p_value)],
      ["effect", drift.effect_size === null || drift.effect_size === undefined ? null : `${figure(drift.effect_size)} ${words(drift.effect ?? "")}`],
      ["carried by", features],
      ["cause", drift.cause ? words(drift.cause) : null],
      ["suspected", drift.suspected_cause],
      ["careful", Array.isArray(drift.warnings) ? drift.warnings.join("; ") : drift.warnings],
    ]),
  );
}

/** Compare with what comes from now on. */
export function rebaseline(signal) {
  return ask({
    title: "Take the present as normal?",
    text: `From the next record on, ${signal} is compared with what comes then. What it was before is forgotten.`,
    fields: [{ name: "why", label: "Why", required: true, hint: "Kept with the order, for all to see." }],
    button: "Take as new normal",
    act: async ({ why, by }) => {
      await send("POST", "rebaseline", { signals: [signal], why, by });
      toast(`Ordered: ${signal} gets a new reference.`);
    },
  });
}
