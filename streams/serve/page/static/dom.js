// Building the page. Whatever comes from a record is a text node or an attribute: nothing is parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("button", { class: "quiet", onclick: go }, "Go")`. Null and false children are left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) node.style.setProperty(key, each);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter(there));
  return node;
}

const there = (child) => child !== null && child !== undefined && child !== false;

/** Put these children in place of the present ones. */
export function put(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter(there));
  return node;
}

/** Write a text, only where it is another one: screen readers hear changes. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const SHAPES = {
  stream: "M2 9h3l2-6 3 10 2-6 1 2h1",
  quality: "M2 13V3M2 13h12M4.5 10l3-3 2 2 4-5",
  drift: "M2 12c3 0 3-8 6-8s3 8 6 8M2 14.5h12",
  alerts: "M8 2a4 4 0 0 0-4 4v3l-1.5 2.5h11L12 9V6a4 4 0 0 0-4-4zM6.5 14h3",
  letters: "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5",
  models: "M8 2l5.5 3v6L8 14l-5.5-3V5zM2.5 5L8 8l5.5-3M8 8v6",
  audit: "M4 2h8v12H4zM6 5.5h4M6 8h4M6 10.5h2.5",
  critical: "M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z",
  warning: "M8 1.8L15 14H1z",
  info: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z",
  drifting: "M2 11c2.5 0 3-6 6-6 2 0 2.5 3 3 4.500M11 13l3-1-1-3",
  quiet: "M3 8.500l3.500 3.500 6.500-8",
  warming: "M8 2.500a5.500 5.500 0 1 0 5.500 5.500M8 5v3l2.500 1.500",
  theme: "M8 1.800a6.200 6.200 0 1 0 0 12.400zM8 1.800a6.200 6.200 0 1 1 0 12.400",
  out: "M6 2.500H2.500v11H6M6.500 8H14M11 5l3 3-3 3",
  back: "M10 3L5 8l5 5",
};
const FILLED = new Set(["critical", "warning", "info"]);

/** A small picture beside a word that says the same. */
export function icon(name) {
  const solid = FILLED.has(name);
  const mark = solid ? s("path", { d: "M8 5v3.600M8 11v.300", class: "icon-mark" }) : null;
  return s(
    "svg",
    { viewBox: "0 0 16 16", class: `icon icon-${name}${solid ? " icon-solid" : ""}`, "aria-hidden": "true" },
    s("path", { d: SHAPES[name] ?? SHAPES.info }),
    mark,
  );
}

/** What to show where there is nothing: what that means, and what to do. */
export function empty(title, ...rest) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), ...rest.map((t) => h("p", {}, t)));
}

/** A table of names and values. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A link to somewhere else, if it is one that a browser may safely follow; else its text. */
export function link(address, text = address) {
  let url = null;
  try {
    url = new URL(address);
  } catch {
    return h("span", {}, text);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return h("span", {}, text);
  return h("a", { href: url.href, rel: "noopener noreferrer", target: "_blank" }, text);
}
