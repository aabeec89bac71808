// What can be ordered about alerts. An order is a record on the control topic; the stream takes it in its turn.

import { get, send } from "../api.js";
import { ask, order, toast } from "../dialog.js";
import { empty, h, put } from "../dom.js";
import { date } from "../format.js";
import { nameOf } from "./alertparts.js";

const DURATIONS = [
  ["30m", "30 minutes"],
  ["1h", "1 hour"],
  ["4h", "4 hours"],
  ["1d", "1 day"],
  ["7d", "7 days"],
].map(([value, label]) => ({ value, label }));
const USUAL = new Set(["alertname", "feature", "signal", "segment"]);

const path = (alert, what) => `alerts/${encodeURIComponent(alert.fingerprint)}/${what}`;

export function acknowledge(alert) {
  return ask({
    title: `Acknowledge ${nameOf(alert)}?`,
    text: "It is known to be somebody's. It goes on firing, and nobody else is told of it again.",
    fields: [{ name: "why", label: "Note", hint: "Kept with the alert: what you look into, say." }],
    button: "Acknowledge",
    act: async ({ why, by }) => {
      await send("POST", path(alert, "acknowledge"), { why, by });
      toast("Acknowledged. The stream takes it in its turn.");
    },
  });
}

export function resolve(alert) {
  return ask({
    title: `Resolve ${nameOf(alert)}?`,
    text: "It is told to be over. If its condition still holds, it fires again.",
    fields: [{ name: "why", label: "Why", required: true }],
    button: "Resolve",
    act: async ({ why, by }) => {
      await send("POST", path(alert, "resolve"), { why, by });
      toast("Resolved. The stream takes it in its turn.");
    },
  });
}

export function silence(alert) {
  const labels = Object.entries(alert.labels ?? {}).map(([name, value]) => ({ value: name, label: `${name} = ${value}`, checked: USUAL.has(name) }));
  return ask({
    title: "Silence alerts like this?",
    text: "They go on firing, here to be seen, and nobody is told.",
    fields: [
      { name: "matchers", label: "Those whose labels are", kind: "checks", options: labels },
      { name: "for", label: "For how long", kind: "select", options: DURATIONS, value: "1h" },
      { name: "why", label: "Why", required: true },
    ],
    button: "Silence",
    act: async (given) => {
      if (!given.matchers.length) throw new Error("Choose at least one label: without any, all alerts would be silent.");
      const matchers = given.matchers.map((name) => ({ name, value: alert.labels[name], regex: false, equal: true }));
      await send("POST", "silences", { matchers, for: given.for, why: given.why, by: given.by });
      toast("Silenced. The stream takes it in its turn.");
    },
  });
}

/** The silences that hold, each of which can be ended. */
export async function silenceList(changed) {
  const body = h("div", {}, "Loading …");
  const close = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close");
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "silences-title", onclose: () => dialog.remove() }, h("h2", { id: "silences-title" }, "Silences"), body, h("div", { class: "dialog-buttons" }, close));
  document.body.append(dialog);
  dialog.showModal();
  try {
    const { data } = await get("silences");
    const held = data.silences.filter((each) => each.active);
    put(body, held.length ? held.map((each) => silenced(each, changed)) : empty("None", "An alert that is open can be silenced, with all that are like it."));
  } catch (problem) {
    put(body, empty("Not there", problem.message));
  }
}

function silenced(each, changed) {
  const until = each.until_ms;
  const what = each.matchers.map((m) => `${m.name}${m.equal === false ? "!" : ""}${m.regex ? "~" : "="}${m.value}`).join(", ");
  const end = async (event) => {
    event.target.disabled = true;
    try {
      await send("DELETE", `silences/${encodeURIComponent(each.id)}`);
      put(row, h("p", { class: "soft" }, "Ordered to end."));
      toast("The silence ends. The stream takes it in its turn.");
      changed();
    } catch (problem) {
      event.target.disabled = false;
      toast(problem.message, "bad");
    }
  };
  const row = h(
    "div",
    { class: "silence" },
    h("p", {}, h("b", { class: "break" }, what), h("br"), h("span", { class: "soft" }, `until ${date(until)} · ${[each.by, each.why].filter(Boolean).join(": ")}`)),
    order("admin", { onclick: end }, "End it"),
  );
  return row;
}
