// Who ordered what, and what became of it.

import { get } from "../api.js";
import { empty, h, put } from "../dom.js";
import { date, iso, words } from "../format.js";
import { again, on } from "../state.js";

export const TITLE = "Audit";
const MOST = 300;

export function show() {
  let all = [];
  const search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search the audit", oninput: () => draw() });
  const body = h("div", { class: "hold" });
  const node = h("div", { class: "view" }, h("div", { class: "view-head" }, h("h1", {}, TITLE), search), h("section", { class: "card" }, body));
  const draw = () => {
    const text = search.value.trim().toLowerCase();
    const kept = all.filter((each) => !text || JSON.stringify(each).toLowerCase().includes(text));
    const head = ["when", "what", "who", "why", "detail"].map((name) => h("th", { scope: "col" }, name));
    const rows = kept.map((each) =>
      h(
        "tr",
        {},
        h("td", { class: "nowrap" }, h("time", { datetime: iso(each.at_ms) }, date(each.at_ms))),
        h("td", { class: "nowrap" }, h("b", {}, words(each.what ?? ""))),
        h("td", {}, each.who ?? ""),
        h("td", { class: "break" }, each.why ?? ""),
        h("td", { class: "break soft" }, plain(each.detail), each.place ? h("span", { class: "faint" }, ` ${plain(each.place)}`) : null),
      ),
    );
    if (kept.length) put(body, h("div", { class: "scroll" }, h("table", { class: "audit" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows))));
    else put(body, all.length ? empty("Nothing is like this") : empty("Nothing yet", "Orders, transitions of alerts and changes of the spec are listed here, newest first."));
  };
  const load = async () => {
    try {
      const { data, size } = await get("audit", { limit: MOST });
      all = data.entries ?? [];
      draw();
      return size;
    } catch (problem) {
      if (!all.length) put(body, empty("Not there", problem.message));
      return 0;
    }
  };
  const turn = again(load, 10000);
  const off = on("alert", () => turn.soon());
  return { node, end: () => [turn.end, off].forEach((end) => end()) };
}

/** A detail in words: `alert 1f2e, signals amount`. */
function plain(detail) {
  if (detail === null || detail === undefined) return "";
  if (typeof detail !== "object") return String(detail);
  if (Array.isArray(detail)) return detail.map(plain).join(", ");
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => `${words(name)} ${plain(value)}`)
    .join(", ");
}
