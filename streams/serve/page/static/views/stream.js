// The stream as it moves: what comes, how far behind we are, how long an answer takes, and what needs somebody.

import { foresee, get } from "../api.js";
import { chart } from "../chart.js";
import { empty, h, icon, put, say } from "../dom.js";
import { age, compact, count, date, figure, milliseconds, time } from "../format.js";
import { again, on, state } from "../state.js";
import { alertLine } from "./alertparts.js";

export const TITLE = "Stream";
export const TOPICS = ["predictions", "alerts", "status"];
const MINUTES = 15;
const SOON_MS = 1500; // after an answer that had not read everything
const SHOWN = 12; // predictions
const YOUNG = 0.5; // of all its events came within these minutes
const POINTS = 12; // that are drawn at the least
const URGENT = 6; // alerts and signals

/** Ask for what the first view of all shows while it is found out who looks. */
export const foresight = () => foresee("series", { minutes: MINUTES });

export function show() {
  const flow = chart({
    title: "Throughput",
    format: (value) => `${compact(value)}/s`,
    series: [
      { name: "events", color: "var(--series-1)", area: true },
      { name: "predictions", color: "var(--series-2)", dash: "5 4" },
    ],
    highest: 1,
  });
  const lag = chart({ title: "Lag", format: compact, series: [{ name: "records", color: "var(--series-4)", area: true }], height: 128, highest: 10 });
  const latency = chart({
    title: "Latency",
    format: milliseconds,
    height: 128,
    series: [
      { name: "p50", color: "var(--series-3)" },
      { name: "p99", color: "var(--series-2)" },
    ],
    highest: 1,
  });
  const totals = h("dl", { class: "totals", "aria-label": "Totals" });
  const ticker = predictions();
  const urgent = h("div", { class: "urgent" });
  const drifting = h("div", { class: "urgent" });
  const notice = h("div", {});
  const node = h(
    "div",
    { class: "view view-stream" },
    h("h1", { class: "unseen" }, TITLE),
    notice,
    h(
      "div",
      { class: "columns" },
      h("div", { class: "stack" }, h("section", { class: "card" }, totals), h("section", { class: "card" }, flow.node), h("div", { class: "pair" }, h("section", { class: "card" }, lag.node), h("section", { class: "card" }, latency.node)), ticker.node),
      h("div", { class: "stack" }, section("Alerts", "#/alerts", urgent), section("Drifting signals", "#/drift", drifting)),
    ),
  );

  const draw = (given) => {
    const series = sinceItBegan(given);
    const at = series.at_ms ?? [];
    flow.update({ at, values: [series.events ?? [], series.predictions ?? []] });
    lag.update({ at, values: [series.lag_records ?? []] });
    latency.update({ at, values: [series.latency_ms_p50 ?? [], series.latency_ms_p99 ?? []] });
  };
  const load = async () => {
    try {
      const { data, size } = await get("series", { minutes: MINUTES });
      draw(data);
      performance.mark("driftline.series");
      if (!data.complete) setTimeout(() => turns[0].now(), SOON_MS);
      return size;
    } catch {
      return 0; // the line at the top says that nobody answers
    }
  };
  const loadUrgent = async () => {
    const [alerts, drift] = await Promise.all([
      get("alerts", { status: "firing", limit: 4 * URGENT }).catch(() => null),
      get("drift", { state: "drifting", limit: URGENT }).catch(() => null),
    ]);
    if (alerts) showAlerts(urgent, alerts.data);
    if (drift) showDrift(drifting, drift.data);
    return (alerts?.size ?? 0) + (drift?.size ?? 0);
  };
  const status = () => {
    if (!state.status) return;
    showTotals(totals, state.status);
    const none = !state.status.totals?.events;
    put(notice, none ? empty("No events yet", "Send one: driftline produce FILE, or POST /v1/events. A running worker shows it here within a second.") : null);
  };

  const turns = [again(load), again(loadUrgent, 10000)];
  const ends = [on("status", status), on("prediction", ticker.add), on("alert", () => turns[1].soon())];
  status();
  return { node, end: () => [...turns.map((each) => each.end), ...ends].forEach((end) => end()) };
}

/** A young stream from its beginning on: the silence before it tells nothing. */
function sinceItBegan(series) {
  const rates = series.events ?? [];
  const first = rates.findIndex((rate) => rate > 0);
  const shown = rates.reduce((sum, rate) => sum + (rate ?? 0), 0) * (series.step_ms / 1000);
  if (first < 0 || shown < YOUNG * (state.status?.totals?.events ?? Infinity)) return series;
  const from = Math.max(0, Math.min(first - 1, rates.length - POINTS));
  return Object.fromEntries(Object.entries(series).map(([name, each]) => [name, Array.isArray(each) ? each.slice(from) : each]));
}

function section(title, to, content) {
  return h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", {}, title), h("a", { class: "more", href: to }, "All")), content);
}

function showTotals(node, status) {
  const { totals = {}, snapshot } = status;
  const pairs = [
    ["events", count(totals.events)],
    ["predictions", count(totals.predictions)],
    ["outcomes", count(totals.outcomes)],
    ["labels", count(totals.labels)],
    ["dead letters", count(totals.dead_letters)],
    ["last commit", age(status.commit_age_seconds)],
    ["snapshot", age(snapshot?.age_seconds)],
  ];
  if (node.children.length === pairs.length) return pairs.forEach(([, value], i) => say(node.children[i].lastChild, value));
  put(node, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function showAlerts(node, all) {
  const { counts = {} } = all;
  const alerts = all.alerts.filter((alert) => !alert.muted).slice(0, URGENT);
  if (!alerts.length) return put(node, h("p", { class: "calm" }, icon("quiet"), "None is firing."));
  const more = (counts.critical ?? 0) + (counts.warning ?? 0) + (counts.info ?? 0) - alerts.length;
  put(node, alerts.map((alert) => alertLine(alert)), more > 0 ? h("a", { class: "more", href: "#/alerts" }, `and ${count(more)} more`) : null);
}

function showDrift(node, found) {
  const { signals = [], counts = {} } = found;
  const watched = (counts.warming ?? 0) + (counts.quiet ?? 0) + (counts.drifting ?? 0);
  if (!found.watching) return put(node, h("p", { class: "calm" }, "Nothing is watched: the spec has no section drift."));
  if (!watched) return put(node, h("p", { class: "calm" }, "They show once the worker has made a snapshot."));
  if (!signals.length) {
    const warming = counts.warming ? `, ${counts.warming} still warm up` : "";
    return put(node, h("p", { class: "calm" }, icon("quiet"), `${counts.quiet ?? 0} signals are quiet${warming}.`));
  }
  const more = (counts.drifting ?? 0) - signals.length;
  put(
    node,
    signals.map((each) => h("a", { class: "urgent-line", href: `#/drift/${encodeURIComponent(each.signal)}` }, icon("drifting"), h("span", { class: "urgent-name" }, each.signal), h("span", { class: "soft" }, each.since ? `since ${date(each.since.time)}` : ""))),
    more > 0 ? h("a", { class: "more", href: "#/drift" }, `and ${more} more`) : null,
  );
}

/** The newest predictions, as they come. */
function predictions() {
  const body = h("tbody", {});
  const note = h("span", { class: "soft" }, "waiting for one");
  const hold = { all: [], drawn: false, skipped: 0 };
  const head = ["time", "event", "entity", "prediction", "score"].map((name) => h("th", { scope: "col" }, name));
  const node = h(
    "section",
    { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, "Predictions"), note),
    h("div", { class: "scroll" }, h("table", { class: "ticker" }, h("thead", {}, h("tr", {}, head)), body)),
  );
  const draw = () => {
    hold.drawn = false;
    put(body, hold.all.map(line));
    say(note, hold.skipped ? `a sample: ${count(hold.skipped)} more since this page was opened` : "all of them");
  };
  const add = (told) => {
    hold.skipped += told.skipped ?? 0;
    hold.all = [told, ...hold.all].slice(0, SHOWN);
    if (!hold.drawn) requestAnimationFrame(draw);
    hold.drawn = true;
  };
  return { node, add };
}

function line(each) {
  const said = each.prediction === null || each.prediction === undefined ? "–" : String(each.prediction);
  const cells = [time(each.recorded_ms ?? each.event_time), each.event_id, each.entity, said, figure(each.score)];
  return h("tr", {}, cells.map((cell) => h("td", {}, String(cell))));
}
