// The drift board: every signal that is watched, how far it is from an alarm, and what it was and is.

import { get } from "../api.js";
import { h, empty, icon, put, say } from "../dom.js";
import { age, count, date, figure } from "../format.js";
import { list } from "../list.js";
import { again, now, on } from "../state.js";
import { detail } from "./signal.js";

export const TITLE = "Drift";
const MOST = 10000;
const STATES = ["drifting", "warming", "quiet"];
const RANK = { drifting: 0, warming: 1, quiet: 2 };
const STEEP = 1000; // thresholds above are of statistics that grow by factors: their logarithms are compared

/** How near an alarm is: 0 to 1. */
export function nearness({ statistic, threshold }) {
  if (!(threshold > 0) || !(statistic > 0)) return 0;
  const share = threshold > STEEP ? Math.log1p(statistic) / Math.log1p(threshold) : statistic / threshold;
  return Math.min(1, share);
}

const nearest = (a, b) => RANK[a.state] - RANK[b.state] || nearness(b) - nearness(a) || a.signal.localeCompare(b.signal);
const key = (each) => `${each.signal}|${each.partition ?? ""}|${each.detector ?? ""}|${each.segment ?? ""}`;

export function show() {
  let all = [];
  let wanted = ""; // a state, or all
  let chosen = null;
  let watching = true;
  let fresh = null; // when the snapshot was made that is shown
  const search = h("input", { type: "search", placeholder: "Search signals", "aria-label": "Search signals", oninput: () => filter() });
  const chips = STATES.map((name) => h("button", { class: "chip", type: "button", "aria-pressed": "false", onclick: () => toggle(name) }, icon(name), h("span", {}, name), h("b", {}, "0")));
  const asOf = h("span", { class: "soft" });
  const board = list({ label: "Signals", columns: COLUMNS, id: key, open: (each) => (location.hash = `#/drift/${encodeURIComponent(each.signal)}`) });
  const beside = h("aside", { class: "beside card", "aria-label": "Signal", hidden: true });
  const node = h(
    "div",
    { class: "view view-list" },
    h("div", { class: "view-head" }, h("h1", {}, TITLE), h("div", { class: "chips" }, chips), search, asOf),
    h("div", { class: "master" }, h("section", { class: "card card-list" }, board.node), beside),
  );

  const filter = () => {
    const text = search.value.trim().toLowerCase();
    const kept = all.filter((each) => (!wanted || each.state === wanted) && (!text || `${each.signal} ${each.kind} ${each.detector}`.toLowerCase().includes(text)));
    board.update(kept, all.length ? empty("No signal is like this", "Take another word, or another state.") : none());
  };
  const none = () => {
    if (watching) return empty("No signals yet", "What is watched shows here once the worker has made a snapshot: every snapshots.every, as the spec says.");
    return empty("Nothing is watched", "Add a section drift to the spec, and every feature, label and error is compared with what it was.");
  };
  const toggle = (name) => {
    wanted = wanted === name ? "" : name;
    chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(STATES[i] === wanted)));
    filter();
  };
  const load = async () => {
    try {
      const { data, size } = await get("drift", { limit: MOST });
      fresh = data.as_of?.made_ms ?? null;
      watching = data.watching;
      all = (data.signals ?? []).toSorted(nearest);
      chips.forEach((chip, i) => say(chip.lastChild, count(data.counts?.[STATES[i]] ?? 0)));
      say(asOf, fresh ? `as of a snapshot ${age((now() - fresh) / 1000)} ago` : "");
      filter();
      return size;
    } catch (problem) {
      if (!all.length) board.update([], empty("Not there", problem.message));
      return 0;
    }
  };
  const turn = again(load);
  const close = () => (location.hash = "#/drift");
  const choose = (name) => {
    chosen = name;
    beside.hidden = name === null;
    node.classList.toggle("opened", name !== null);
    board.select(all.map((each) => (each.signal === name ? key(each) : null)).find(Boolean) ?? null);
    if (name === null) {
      put(beside);
      board.focus();
    } else open();
  };
  const open = async () => {
    const name = chosen;
    try {
      const { data } = await get(`drift/${encodeURIComponent(name)}`);
      if (chosen === name) detail(beside, data, close);
    } catch (problem) {
      if (chosen === name) put(beside, h("button", { type: "button", class: "quiet", onclick: close }, "Close"), empty(name, problem.message));
    }
  };
  const off = on("status", (status) => {
    if (fresh) say(asOf, `as of a snapshot ${age((now() - fresh) / 1000)} ago`);
    if (chosen && status.snapshot?.made_ms > (fresh ?? 0)) turn.now().then(() => chosen && open());
  });
  return {
    node,
    choose,
    key: (event) => event.key === "Escape" && chosen && close(),
    end: () => [turn.end, off].forEach((end) => end()),
  };
}

export const COLUMNS = [
  { name: "Signal", class: "grow", sort: (a, b) => a.signal.localeCompare(b.signal), cell: (each) => [h("b", { class: "cut" }, each.signal), h("span", { class: "soft cut" }, each.kind ?? "")] },
  { name: "State", class: "state", sort: nearest, cell: (each) => h("span", { class: `state-mark state-${each.state}` }, icon(each.state), h("span", {}, each.state)) },
  { name: "Statistic", class: "gauge-cell", sort: (a, b) => nearness(a) - nearness(b), cell: gauge },
  { name: "Last drift", class: "when", sort: (a, b) => (a.last?.time ?? 0) - (b.last?.time ?? 0), cell: (each) => h("span", {}, each.last ? date(each.last.time) : "") },
  { name: "Drifts", class: "number optional", sort: (a, b) => (a.drifts ?? 0) - (b.drifts ?? 0), cell: (each) => count(each.drifts ?? 0) },
  { name: "Detector", class: "optional detector", sort: (a, b) => String(a.detector).localeCompare(String(b.detector)), cell: (each) => h("span", { class: "soft cut" }, each.detector ?? "") },
];

/** The statistic against its threshold, as a bar that is full at an alarm. */
export function gauge(each) {
  const share = each.state === "drifting" && !nearness(each) ? 1 : nearness(each);
  const told = `${figure(each.statistic)} of ${figure(each.threshold)}`;
  return h(
    "span",
    { class: `gauge gauge-${each.state}`, title: told },
    h("span", { class: "gauge-track", role: "meter", "aria-label": "statistic against threshold", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(share * 100)), "aria-valuetext": told }, h("i", { style: { width: `${share * 100}%` } })),
    h("span", { class: "gauge-text" }, told),
  );
}
