// Which models score, and how far each is rolled out.

import { get } from "../api.js";
import { empty, h, put } from "../dom.js";
import { count, date, figure, percent, words } from "../format.js";
import { again, on, state } from "../state.js";

export const TITLE = "Models";

export function show() {
  const body = h("div", { class: "cards" });
  const node = h("div", { class: "view" }, h("div", { class: "view-head" }, h("h1", {}, TITLE)), body);
  const load = async () => {
    try {
      const { data, size } = await get("models");
      const all = data.models ?? [];
      put(body, all.length ? all.map(model) : empty("No model yet", "One shows here with the first snapshot of a worker: driftline run"));
      return size;
    } catch (problem) {
      put(body, empty("Not there", problem.message));
      return 0;
    }
  };
  const turn = again(load, 10000);
  const off = on("me", () => turn.now());
  return { node, end: () => [turn.end, off].forEach((end) => end()) };
}

function model(each) {
  const share = each.share ?? 0;
  const metrics = Object.entries(each.metrics ?? {}).filter(([, value]) => typeof value === "number");
  const pairs = [
    ["version", each.version],
    ["variant", each.variant],
    ["since", date(each.since_ms)],
    ["predictions", count(each.predictions)],
    ["task", state.status?.model?.task],
  ].filter(([, value]) => value !== null && value !== undefined);
  return h(
    "section",
    { class: "card model" },
    h("div", { class: "card-head" }, h("h2", { class: "break" }, words(each.model)), h("span", { class: `tag tag-${each.stage}` }, each.stage)),
    h("p", { class: "share" }, h("b", {}, percent(share)), " of the events"),
    h("div", { class: "share-track" }, h("i", { style: { width: `${100 * share}%` } })),
    h("dl", { class: "facts" }, pairs.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    metrics.length ? h("h3", {}, "Quality of late") : null,
    h("dl", { class: "facts" }, metrics.map(([name, value]) => [h("dt", {}, words(name)), h("dd", {}, figure(value))])),
  );
}
