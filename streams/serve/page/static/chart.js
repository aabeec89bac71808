// Lines over time, as SVG: a few hundred points, a cursor, marks, and words for those who can't see it.

import { h, put, s, say } from "./dom.js";
import { date, shortTime, time } from "./format.js";

const LEFT = 48;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 20;
const TICKS = 4;
const DAY_MS = 86400000;

/**
 * A chart of lines.
 *
 * Parameters: `title`; `series`, a list of `{name, color, area}`; `format` for values; `height`; `lowest` and
 * `highest`, between which the scale may not begin and end closer. `update({at, values, marks})` draws: `at` in
 * milliseconds, `values` a list for each series, `marks` a list of `{at_ms, kind, text, id}`.
 */
export function chart({ title, series, format, height = 168, lowest = 0, highest = null, choose = null }) {
  const legend = series.map((each) => h("b", { class: "legend-value" }, "–"));
  const when = h("span", { class: "chart-when" });
  const picture = s("svg", { class: "chart-picture", role: "img", tabindex: "0", height });
  const node = h(
    "figure",
    { class: "chart" },
    h(
      "figcaption",
      { class: "chart-head" },
      title ? h("h3", {}, title) : null,
      h("span", { class: "legend" }, series.map((each, i) => key(each, legend[i]))),
      when,
    ),
    picture,
  );
  let drawn = { at: [], values: series.map(() => []), marks: [] };
  let place = null; // from times and values to pixels
  let cursor = null; // the index that is pointed at

  const tell = () => {
    const at = cursor ?? last(drawn);
    series.forEach((_, i) => say(legend[i], format(drawn.values[i][at])));
    say(when, cursor === null ? "" : stamp(drawn.at[at], drawn.at));
    const now = series.map((each, i) => `${each.name} ${format(drawn.values[i][last(drawn)])}`);
    picture.setAttribute("aria-label", `${title ?? "Chart"}: now ${now.join(", ")}. Arrow keys move the cursor.`);
  };
  const draw = () => {
    const width = picture.clientWidth || 600;
    place = scale(drawn, { width, height, lowest, highest });
    if (last(drawn) < 0) put(picture, s("text", { class: "tick", x: width / 2, y: height / 2, "text-anchor": "middle" }, "nothing yet"));
    else put(picture, axes(place, format), marks(place, drawn.marks, choose), lines(place, drawn, series), hair(place, cursor, drawn, series));
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    tell();
  };
  const point = (index) => {
    cursor = index;
    picture.querySelector(".hair")?.replaceWith(hair(place, cursor, drawn, series));
    tell();
  };

  picture.addEventListener("pointermove", (event) => {
    if (!place || !drawn.at.length) return;
    point(nearest(drawn.at, place.time(event.offsetX)));
  });
  picture.addEventListener("pointerleave", () => place && point(null));
  picture.addEventListener("blur", () => place && point(null));
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !drawn.at.length) return;
    event.preventDefault();
    const from = cursor ?? drawn.at.length;
    point(Math.max(0, Math.min(drawn.at.length - 1, from + step)));
  });
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(picture);

  return {
    node,
    update: (data) => {
      drawn = { marks: [], ...data };
      if (cursor !== null && cursor >= drawn.at.length) cursor = null;
      draw();
    },
  };
}

function key(each, value) {
  return h("span", { class: "legend-item" }, h("i", { class: "swatch", style: { background: each.color } }), each.name, value);
}

/** The newest point that has a value. */
function last(drawn) {
  const known = drawn.values.map((values) => values.findLastIndex((value) => value !== null && value !== undefined));
  return Math.max(...known, -1);
}

function scale(drawn, { width, height, lowest, highest }) {
  const all = drawn.values.flat().filter(Number.isFinite);
  const from = drawn.at[0] ?? 0;
  const until = drawn.at.at(-1) ?? 1;
  const span = until - from || 1;
  const least = lowest === null ? Math.min(...all, Infinity) : lowest;
  const bottom = Number.isFinite(least) ? least : 0;
  const most = Math.max(...all, highest ?? -Infinity);
  const ticks = steps(bottom, Number.isFinite(most) && most > bottom ? most : bottom + 1);
  const [low, high] = [Math.min(bottom, ticks[0]), ticks.at(-1)];
  const inner = width - LEFT - RIGHT;
  return {
    width,
    height,
    ticks,
    from,
    until,
    span,
    x: (at) => LEFT + ((at - from) / span) * inner,
    y: (value) => TOP + (1 - (value - low) / (high - low)) * (height - TOP - BOTTOM),
    time: (x) => from + ((x - LEFT) / inner) * span,
  };
}

/** Round numbers from one below the least to one above the most. */
export function steps(least, most) {
  const raw = (most - least) / TICKS;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find((each) => each * power >= raw * 0.999);
  const first = Math.floor(least / step + 1e-9);
  const count = Math.ceil(most / step - 1e-9) - first;
  return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function axes(place, format) {
  const across = place.ticks.map((tick) => [
    s("line", { class: "grid", x1: LEFT, x2: place.width - RIGHT, y1: place.y(tick), y2: place.y(tick) }),
    s("text", { class: "tick", x: LEFT - 8, y: place.y(tick) + 4, "text-anchor": "end" }, format(tick)),
  ]);
  const count = place.width > 520 ? 5 : 3;
  const along = Array.from({ length: place.until > place.from ? count : 0 }, (_, i) => {
    const at = place.from + (place.span * i) / (count - 1);
    const anchor = i === 0 ? "start" : i === count - 1 ? "end" : "middle";
    return s("text", { class: "tick", x: place.x(at), y: place.height - 5, "text-anchor": anchor }, moment(at, place.span));
  });
  return [across, along];
}

const moment = (at, span) => (span > DAY_MS ? date(at) : span < 300000 ? time(at) : shortTime(at));
const stamp = (at, all) => moment(at, all.at(-1) - all[0]);

function lines(place, drawn, series) {
  return series.map((each, i) => {
    const runs = stretches(drawn.at, drawn.values[i]);
    const floor = place.y(place.ticks[0]);
    return [
      each.area
        ? runs.map((run) => {
            const [first, end] = [place.x(run[0][0]), place.x(run.at(-1)[0])];
            return s("path", { class: "area", d: `${path(run, place)}L${end},${floor}L${first},${floor}Z`, fill: each.color });
          })
        : null,
      runs.map((run) => s("path", { class: "line", d: path(run, place), stroke: each.color, "stroke-dasharray": each.dash })),
    ];
  });
}

const path = (run, place) => run.map(([at, value], i) => `${i ? "L" : "M"}${place.x(at).toFixed(1)},${place.y(value).toFixed(1)}`).join("");

/** Runs of points that have values: a gap stays a gap. */
function stretches(at, values) {
  const found = [];
  let run = null;
  at.forEach((moment, i) => {
    const value = values[i];
    if (!Number.isFinite(value)) run = null;
    else if (run) run.push([moment, value]);
    else found.push((run = [[moment, value]]));
  });
  return found.map((each) => (each.length > 1 ? each : [each[0], [each[0][0] + 1, each[0][1]]]));
}

function marks(place, all, choose) {
  const shown = all.filter((mark) => mark.at_ms >= place.from && mark.at_ms <= place.until);
  return shown.map((mark) => {
    const x = place.x(mark.at_ms);
    const go = choose ? { onclick: () => choose(mark) } : {};
    const words = `${mark.kind}: ${mark.text}`;
    return s(
      "g",
      { class: `mark mark-${mark.kind}`, ...go },
      s("title", {}, words),
      s("line", { x1: x, x2: x, y1: TOP, y2: place.height - BOTTOM }),
      s("path", { d: `M${x - 5},${TOP - 8}h10v6l-5,6l-5,-6z` }),
    );
  });
}

function hair(place, cursor, drawn, series) {
  if (cursor === null) return s("g", { class: "hair" });
  const x = place.x(drawn.at[cursor]);
  const dots = series.map((each, i) => {
    const value = drawn.values[i][cursor];
    return Number.isFinite(value) ? s("circle", { cx: x, cy: place.y(value), r: 3.5, fill: each.color }) : null;
  });
  return s("g", { class: "hair" }, s("line", { x1: x, x2: x, y1: TOP, y2: place.height - BOTTOM }), dots);
}

function nearest(at, wanted) {
  let best = 0;
  at.forEach((moment, i) => {
    if (Math.abs(moment - wanted) < Math.abs(at[best] - wanted)) best = i;
  });
  return best;
}
