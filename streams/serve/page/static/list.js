// A table that draws only the rows in sight, so that ten thousand are as quick as ten; for mouse and keyboard.

import { h, put } from "./dom.js";

const MORE = 6; // rows drawn beyond what is in sight

/**
 * A list.
 *
 * `columns` are `{name, cell(item), class, sort(a, b)}`, `id(item)` names an item, `open(item)` is called when one
 * is chosen. `update(items, nothing)` shows items, or the node `nothing` where there are none.
 */
export function list({ label, columns, id, open, sorted = null }) {
  const body = h("div", { class: "rows", role: "rowgroup" });
  const room = h("div", { class: "rows-room", role: "presentation" }, body);
  const view = h("div", { class: "rows-view", role: "presentation" }, room);
  const head = h("div", { class: "row row-head", role: "row" });
  const node = h("div", { class: "list", role: "grid", "aria-label": label }, h("div", { role: "rowgroup" }, head), view);
  let order = sorted; // {column, down}
  let given = [];
  let items = [];
  let active = null;
  let selected = null;
  let drawn = new Map();

  const heading = () =>
    put(
      head,
      columns.map((column, i) => {
        const is = order?.column === i;
        const way = is ? (order.down ? "descending" : "ascending") : null;
        const content = column.sort
          ? h("button", { class: "sort", type: "button", onclick: () => sort(i) }, column.name, h("i", { class: `way ${way ?? ""}` }))
          : column.name;
        return h("div", { class: `cell ${column.class ?? ""}`, role: "columnheader", "aria-sort": way }, content);
      }),
    );
  const sort = (i) => {
    order = { column: i, down: order?.column === i ? !order.down : false };
    heading();
    head.querySelectorAll(".sort")[columns.slice(0, i).filter((each) => each.sort).length]?.focus();
    arrange();
  };
  const arrange = () => {
    const by = order === null ? null : columns[order.column].sort;
    items = by ? given.toSorted((a, b) => (order.down ? -1 : 1) * by(a, b)) : given;
    if (!items.some((item) => id(item) === active)) active = items.length ? id(items[0]) : null;
    draw();
  };
  const height = () => Number.parseFloat(getComputedStyle(node).getPropertyValue("--row")) || 40;

  const draw = () => {
    const focused = body.contains(document.activeElement);
    const tall = height();
    const first = Math.max(0, Math.floor(view.scrollTop / tall) - MORE);
    const until = Math.min(items.length, Math.ceil((view.scrollTop + (view.clientHeight || 600)) / tall) + MORE);
    node.setAttribute("aria-rowcount", String(items.length + 1));
    room.style.setProperty("height", `${items.length * tall}px`);
    body.style.setProperty("transform", `translateY(${first * tall}px)`);
    const next = new Map();
    for (const [i, item] of items.slice(first, until).entries()) next.set(id(item), row(item, first + i));
    const same = body.children.length === next.size && [...next.values()].every((each, i) => each.node === body.children[i]);
    drawn = next;
    if (!same) put(body, [...next.values()].map((each) => each.node));
    if (focused) drawn.get(active)?.node.focus({ preventScroll: true });
  };
  const row = (item, index) => {
    const name = id(item);
    const known = drawn.get(name);
    const made = known?.item === item ? known : { item, node: build(item, name) };
    made.node.setAttribute("aria-rowindex", String(index + 2));
    made.node.tabIndex = name === active ? 0 : -1;
    made.node.setAttribute("aria-selected", String(name === selected));
    return made;
  };
  const build = (item, name) =>
    h(
      "div",
      { class: "row", role: "row", onclick: () => choose(item, name) },
      columns.map((column) => h("div", { class: `cell ${column.class ?? ""}`, role: "gridcell" }, column.cell(item))),
    );
  const choose = (item, name) => {
    active = name;
    open(item);
  };
  const go = (to) => {
    const at = Math.max(0, Math.min(items.length - 1, to));
    if (!items.length) return;
    active = id(items[at]);
    const tall = height();
    const [top, bottom] = [at * tall, (at + 1) * tall];
    if (top < view.scrollTop) view.scrollTop = top;
    else if (bottom > view.scrollTop + view.clientHeight) view.scrollTop = bottom - view.clientHeight;
    draw();
    drawn.get(active)?.node.focus({ preventScroll: true });
  };
  body.addEventListener("keydown", (event) => {
    if (event.target.getAttribute("role") !== "row" || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = items.findIndex((item) => id(item) === active);
    const page = Math.max(1, Math.floor(view.clientHeight / height()) - 1);
    const to = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: items.length - 1 };
    if (event.key in to) {
      event.preventDefault();
      go(to[event.key]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(items[at], active);
    }
  });
  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
  view.addEventListener("scroll", soon, { passive: true });
  new ResizeObserver(soon).observe(view);
  heading();

  return {
    node,
    focus: () => drawn.get(active)?.node.focus(),
    select: (name) => {
      selected = name;
      if (name !== null && items.some((item) => id(item) === name)) active = name;
      draw();
    },
    update: (now, nothing = null) => {
      given = now;
      node.classList.toggle("list-empty", now.length === 0);
      node.parentElement?.querySelectorAll(":scope > .nothing").forEach((old) => old.remove());
      if (!now.length && nothing) node.after(h("div", { class: "nothing" }, nothing));
      arrange();
    },
  };
}
