// How good predictions were, over time, with what happened meanwhile.

import { get } from "../api.js";
import { chart } from "../chart.js";
import { empty, h, icon, put } from "../dom.js";
import { count, date, figure, words } from "../format.js";
import { again } from "../state.js";

export const TITLE = "Quality";
const POINTS = 240;
const SOON_MS = 1500; // after an answer that had not read everything
const KINDS = { drift: "drifting", version: "models", rebaseline: "quiet" };

export function show() {
  let metric = null;
  const choice = h("select", { id: "metric", "aria-label": "Metric", onchange: () => pick(choice.value) });
  const hold = h("div", { class: "hold" });
  const windows = h("div", {});
  const happened = h("div", {});
  let picture = null;
  let drawn = null;
  const node = h(
    "div",
    { class: "view" },
    h("div", { class: "view-head" }, h("h1", {}, TITLE), h("label", { class: "choice" }, "Metric ", choice)),
    h("section", { class: "card" }, hold),
    h(
      "div",
      { class: "pair" },
      h("section", { class: "card" }, h("h2", {}, "As it stands"), windows),
      h("section", { class: "card" }, h("h2", {}, "What happened"), happened),
    ),
  );

  const draw = (found) => {
    const names = found.metrics ?? [];
    if (choice.options.length !== names.length) put(choice, names.map((name) => h("option", { value: name }, words(name))));
    choice.value = found.metric;
    if (drawn !== found.metric) {
      drawn = found.metric;
      picture = chart({
        title: words(found.metric ?? "quality"),
        format: figure,
        series: [{ name: words(found.metric ?? "value"), color: "var(--series-1)" }],
        height: 260,
        lowest: null,
        choose: (mark) => mark.kind === "drift" && mark.text && (location.hash = `#/drift/${encodeURIComponent(signalOf(mark))}`),
      });
    }
    const known = (found.values ?? []).some((value) => value !== null);
    put(hold, known ? picture.node : empty("No outcomes yet", "Quality is measured when labels come: send them to the labels topic, or POST /v1/labels."));
    if (known) picture.update({ at: found.at_ms, values: [found.values], marks: found.marks ?? [] });
    put(windows, standings(found));
    put(happened, marked(found.marks ?? []));
  };
  const load = async () => {
    try {
      const { data, size } = await get("metrics", { metric, points: POINTS });
      draw(data);
      if (!data.complete) setTimeout(() => turn.now(), SOON_MS);
      return size;
    } catch (problem) {
      if (!drawn) put(hold, empty("Not there", problem.message));
      return 0;
    }
  };
  const turn = again(load, 10000);
  const pick = (name) => {
    metric = name;
    turn.now();
  };
  return { node, end: turn.end };
}

/** The signal that a mark of a drift is about: its text begins with it. */
export const signalOf = (mark) => mark.text.slice(0, Math.max(0, mark.text.lastIndexOf(": "))) || mark.text;

/** A window by its name: so many outcomes, so much time, or all of life. */
const windowOf = (name) => (/^\d+$/.test(name) ? `last ${count(Number(name))}` : words(name));

function standings(found) {
  const { latest, segments = {} } = found;
  if (!latest || !Object.keys(latest).length) return empty("Nothing measured yet", "A snapshot shows it, once one was made.");
  const windows = Object.keys(latest);
  const names = [...new Set(windows.flatMap((each) => Object.keys(latest[each] ?? {})))];
  const rows = names.map((name) =>
    h("tr", {}, h("th", { scope: "row" }, words(name)), windows.map((each) => h("td", { class: "number" }, figure(latest[each]?.[name])))),
  );
  const head = h("tr", {}, h("th", {}, "metric"), windows.map((each) => h("th", { scope: "col", class: "number" }, windowOf(each))));
  return [h("div", { class: "scroll" }, h("table", {}, h("thead", {}, head), h("tbody", {}, rows))), parts(segments, found.metric)];
}

function parts(segments, metric) {
  const rows = Object.entries(segments).map(([name, values]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, figure(values?.[metric]))));
  if (!rows.length) return null;
  const head = h("tr", {}, h("th", {}, "segment"), h("th", { class: "number" }, words(metric)));
  return h("div", { class: "scroll" }, h("table", {}, h("caption", {}, "By segment"), h("thead", {}, head), h("tbody", {}, rows)));
}

function marked(marks) {
  if (!marks.length) return empty("Nothing happened", "Drifts, new versions and new references are listed here, and marked on the line above.");
  const newest = marks.toSorted((a, b) => b.at_ms - a.at_ms).slice(0, 100);
  const lines = newest.map((mark) =>
    h("li", { class: `event event-${mark.kind}` }, icon(KINDS[mark.kind] ?? "info"), h("span", { class: "event-text" }, h("b", {}, mark.kind), " ", mark.text), h("time", { class: "soft" }, date(mark.at_ms))),
  );
  const more = marks.length > newest.length ? h("p", { class: "soft" }, `and ${count(marks.length - newest.length)} older`) : null;
  return [h("ul", { class: "events" }, lines), more];
}
