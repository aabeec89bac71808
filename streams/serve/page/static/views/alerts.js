// Alerts: which fire, since when and why; what was ordered about them.

import { get } from "../api.js";
import { empty, h, icon, put, say } from "../dom.js";
import { age, count } from "../format.js";
import { list } from "../list.js";
import { again, now, on, state } from "../state.js";
import { about, began, nameOf, severity, severityMark, standing, standingTag } from "./alertparts.js";
import { detail } from "./alert.js";
import { acknowledge, resolve, silence, silenceList } from "./orders.js";

export const TITLE = "Alerts";
const MOST = 1000;
const STANDINGS = ["firing", "acknowledged", "silenced", "inhibited", "resolved"];
const OPEN = new Set(["firing", "acknowledged", "silenced", "inhibited"]);
const SEVERITY = { critical: 0, warning: 1, info: 2 };
const byWeight = (a, b) => SEVERITY[severity(a)] - SEVERITY[severity(b)];
const newest = (alert) => alert.recorded_ms ?? alert.time ?? began(alert);
const urgent = (a, b) => STANDINGS.indexOf(standing(a)) - STANDINGS.indexOf(standing(b)) || byWeight(a, b) || newest(b) - newest(a);

export function show() {
  let all = [];
  let loaded = false;
  let wanted = "open"; // open, all or a standing
  let chosen = null;
  let waiting = false; // something came that is not shown yet
  let shown = null; // the alert that is open, as it was last told
  const chips = ["open", ...STANDINGS, "all"].map((name) => h("button", { class: "chip", type: "button", "aria-pressed": String(name === wanted), onclick: () => want(name) }, h("span", {}, name), h("b", {}, "0")));
  const search = h("input", { type: "search", placeholder: "Search alerts", "aria-label": "Search alerts", oninput: () => filter() });
  const more = h("span", { class: "soft" });
  const silences = h("button", { type: "button", class: "quiet", onclick: () => silenceList(() => turn.now()) }, "Silences …");
  const board = list({ label: "Alerts", columns: COLUMNS, id: (alert) => alert.fingerprint, open: (alert) => (location.hash = `#/alerts/${encodeURIComponent(alert.fingerprint)}`) });
  const beside = h("aside", { class: "beside card", "aria-label": "Alert", hidden: true });
  const node = h(
    "div",
    { class: "view view-list" },
    h("div", { class: "view-head" }, h("h1", {}, TITLE), h("div", { class: "chips" }, chips), search, silences, more),
    h("div", { class: "master" }, h("section", { class: "card card-list" }, board.node), beside),
  );

  const among = (name) => (alert) => name === "all" || (name === "open" ? OPEN.has(standing(alert)) : standing(alert) === name);
  const filter = () => {
    const text = search.value.trim().toLowerCase();
    const told = (alert) => `${nameOf(alert)} ${about(alert)} ${severity(alert)} ${alert.annotations?.summary ?? ""}`.toLowerCase();
    board.update(all.filter((alert) => among(wanted)(alert) && (!text || told(alert).includes(text))), nothing());
  };
  const nothing = () => {
    if (!loaded) return empty("Loading …");
    if (all.length) return empty("None of these", "Others are under “all”.");
    return empty("No alerts", "Nothing has fired. What should wake somebody stands under alerts in the spec; with a section drift, every drift does.");
  };
  const sorted = () => {
    waiting = false;
    all.sort(urgent);
    chips.forEach((chip) => say(chip.lastChild, String(all.filter(among(chip.firstChild.textContent)).length)));
    filter();
  };
  const want = (name) => {
    wanted = name;
    chips.forEach((chip) => chip.setAttribute("aria-pressed", String(chip.firstChild.textContent === name)));
    filter();
  };
  const load = async () => {
    try {
      const { data, size } = await get("alerts", { limit: MOST });
      loaded = true;
      all = data.alerts;
      say(more, data.total > MOST ? `the ${count(MOST)} worst of ${count(data.total)}` : "");
      sorted();
      const told = all.find((alert) => alert.fingerprint === chosen);
      if (told && shown && told.offset !== shown.offset) open();
      return size;
    } catch (problem) {
      if (!all.length) board.update([], empty("Not there", problem.message));
      return 0;
    }
  };
  const close = () => (location.hash = "#/alerts");
  const choose = (fingerprint) => {
    chosen = fingerprint;
    beside.hidden = fingerprint === null;
    node.classList.toggle("opened", fingerprint !== null);
    board.select(fingerprint);
    if (fingerprint === null) {
      shown = null;
      put(beside);
      delete beside.dataset.of;
      board.focus();
    } else open();
  };
  const open = async () => {
    const fingerprint = chosen;
    if (!fingerprint) return;
    try {
      const { data } = await get(`alerts/${encodeURIComponent(fingerprint)}`);
      if (chosen !== fingerprint) return;
      shown = data;
      detail(beside, shown, close);
    } catch (problem) {
      if (chosen === fingerprint) put(beside, h("button", { type: "button", class: "quiet", onclick: close }, icon("back"), "All alerts"), empty(problem.title, problem.message));
    }
  };
  const turn = again(load, 10000);
  const off = on("alert", (alert) => {
    all = [alert, ...all.filter((each) => each.fingerprint !== alert.fingerprint)].slice(0, MOST);
    if (alert.fingerprint === chosen) open();
    if (!waiting) requestAnimationFrame(sorted); // in a storm many come at once
    waiting = true;
  });
  let counts = "";
  const offStatus = on("status", (status) => {
    const told = JSON.stringify(status.alerts);
    if (counts && counts !== told) turn.soon();
    counts = told;
  });
  const orders = { a: acknowledge, s: silence, r: resolve };
  return {
    node,
    choose,
    key: (event) => {
      if (event.key === "Escape" && chosen) close();
      else if (shown && event.key in orders && state.me.scopes.includes("admin")) {
        event.preventDefault();
        orders[event.key](shown);
      }
    },
    end: () => [turn.end, off, offStatus].forEach((end) => end()),
  };
}

const COLUMNS = [
  { name: "Severity", class: "severity-cell", sort: byWeight, cell: severityMark },
  { name: "Alert", class: "grow", sort: (a, b) => nameOf(a).localeCompare(nameOf(b)), cell: (alert) => [h("b", { class: "cut" }, nameOf(alert), " ", h("span", { class: "soft" }, about(alert))), h("span", { class: "soft cut" }, alert.annotations?.summary ?? "")] },
  { name: "State", class: "state", sort: (a, b) => STANDINGS.indexOf(standing(a)) - STANDINGS.indexOf(standing(b)), cell: standingTag },
  { name: "Last word", class: "when", sort: (a, b) => newest(b) - newest(a), cell: (alert) => h("span", {}, `${age((now() - newest(alert)) / 1000)} ago`) },
];
