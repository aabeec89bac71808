// What the keys do.

import { h } from "./dom.js";

const KEYS = [
  ["1 – 7", "the views, as they stand in the menu"],
  ["↑ ↓ or k j", "up and down a list; Home, End, Page Up, Page Down"],
  ["Enter", "opens what the list is at"],
  ["Esc", "closes it"],
  ["← →", "moves the cursor of a chart that has the focus"],
  ["/", "search"],
  ["a", "acknowledge the open alert"],
  ["s", "silence it"],
  ["r", "resolve it; replay the open dead letter"],
  ["?", "this list"],
];

export function help() {
  const close = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close");
  const rows = KEYS.map(([key, what]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, what)));
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "help-title", onclose: () => dialog.remove() },
    h("h2", { id: "help-title" }, "Keys"),
    h("table", { class: "keys" }, h("tbody", {}, rows)),
    h("div", { class: "dialog-buttons" }, close),
  );
  document.body.append(dialog);
  dialog.showModal();
}
