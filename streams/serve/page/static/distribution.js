// What a signal was and what it is, side by side: bars of a histogram, or of categories.

import { empty, h, s } from "./dom.js";
import { figure, percent } from "./format.js";
import { steps } from "./chart.js";

const WIDTH = 420;
const HEIGHT = 190;
const LEFT = 40;
const BOTTOM = 24;
const TOP = 8;

/** `shape` is `{edges, reference, current}` or `{categories: [{category, before, now, new}]}`; null if unknown. */
export function distribution(shape) {
  if (shape?.edges?.length > 1) return histogram(shape);
  if (shape?.categories?.length) return bars(shape.categories);
  return empty("No distribution yet", "It appears once the signal's reference is complete.");
}

function legend() {
  const swatch = (kind) => h("i", { class: `swatch swatch-${kind}` });
  return h(
    "span",
    { class: "legend" },
    h("span", { class: "legend-item" }, swatch("reference"), "reference"),
    h("span", { class: "legend-item" }, swatch("current"), "current"),
  );
}

function histogram({ edges, reference = [], current = [] }) {
  const most = Math.max(...reference, ...current, 0) || 1;
  const ticks = steps(0, most);
  const high = ticks.at(-1);
  const floor = HEIGHT - BOTTOM;
  const y = (share) => TOP + (1 - share / high) * (floor - TOP);
  const wide = (WIDTH - LEFT - 4) / (edges.length - 1);
  const bar = (kind, share, i, second) => {
    const x = LEFT + i * wide + wide * (second ? 0.5 : 0.06);
    const top = y(share ?? 0);
    return s("rect", { class: `bar-${kind}`, x, y: top, width: wide * 0.44, height: Math.max(0, floor - top) });
  };
  const pairs = edges.slice(1).map((edge, i) =>
    s(
      "g",
      {},
      s("title", {}, `${figure(edges[i])} to ${figure(edge)}: ${percent(reference[i])} before, ${percent(current[i])} now`),
      bar("reference", reference[i], i, false),
      bar("current", current[i], i, true),
    ),
  );
  const across = ticks.map((tick) => [
    s("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(tick), y2: y(tick) }),
    s("text", { class: "tick", x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, percent(tick)),
  ]);
  const along = [0, Math.floor((edges.length - 1) / 2), edges.length - 1].map((i, place) => {
    const anchor = ["start", "middle", "end"][place];
    return s("text", { class: "tick", x: LEFT + i * wide, y: HEIGHT - 6, "text-anchor": anchor }, figure(edges[i]));
  });
  const label = `Shares of values between ${figure(edges[0])} and ${figure(edges.at(-1))}, reference beside current`;
  const picture = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, across, pairs, along);
  return h("figure", { class: "distribution" }, h("figcaption", {}, legend()), picture);
}

function bars(categories) {
  const most = Math.max(...categories.flatMap((each) => [each.before ?? 0, each.now ?? 0])) || 1;
  const bar = (kind, share) =>
    h(
      "span",
      { class: "category-line" },
      h("i", { class: `category-bar bar-${kind}`, style: { width: `${(100 * (share ?? 0)) / most}%` } }),
      h("span", {}, percent(share)),
    );
  const rows = categories.map((each) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, each.category, each.new ? h("span", { class: "tag tag-new" }, "new") : null),
      h("td", {}, bar("reference", each.before), bar("current", each.now)),
    ),
  );
  const head = h("thead", { class: "unseen" }, h("tr", {}, h("th", {}, "category"), h("th", {}, "share before, and now")));
  return h(
    "figure",
    { class: "distribution" },
    h("figcaption", {}, legend()),
    h("table", { class: "categories" }, head, h("tbody", {}, rows)),
  );
}
