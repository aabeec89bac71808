// Questions before something is done, and words about what became of it.

import { h, put } from "./dom.js";
import { called, forbidden, state } from "./state.js";

const SHOWN_MS = 7000;

/**
 * Ask before doing. Gives the values by name once `act(values)` has gone through, or null if it was called off.
 *
 * `fields` are `{name, label, kind, value, options, required, hint}`; `kind` is text, select or checks. What `act`
 * raises is shown in the dialog, which stays open. Who came without a token is asked who they are,
 * unless `named` is false.
 */
export function ask({ title, text, fields = [], button, danger = false, named = true, act }) {
  const made = [...fields, ...(named ? who() : [])].map(field);
  const error = h("p", { class: "dialog-error", role: "alert" });
  const go = h("button", { class: danger ? "primary danger" : "primary", type: "submit" }, button);
  const off = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "dialog-title" }, title),
    text ? h("p", { class: "dialog-text" }, text) : null,
    made.map((each) => each.node),
    error,
    h("div", { class: "dialog-buttons" }, off, go),
  );
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" }, form);
  const back = document.activeElement;
  let result = null;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(made.map((each) => [each.name, each.value()]));
    go.disabled = true;
    put(error);
    if ("by" in values) called.set(values.by);
    try {
      await act(values);
      result = values;
      dialog.close();
    } catch (problem) {
      put(error, problem.message);
    } finally {
      go.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  (made[0]?.first ?? go).focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back?.isConnected) back.focus();
      done(result);
    });
  });
}

function who() {
  if (state.me.token) return [];
  return [{ name: "by", label: "Who you are", value: called.get(), most: 100, hint: "Kept with the order. Nobody has a token here, so any name is taken." }];
}

function field({ name, label, kind = "text", value = "", options = [], required = false, most = 500, hint = null }) {
  const id = `field-${name}`;
  if (kind === "checks") {
    const boxes = options.map((option) => h("input", { type: "checkbox", checked: option.checked, value: option.value }));
    const rows = options.map((option, i) => h("label", { class: "check" }, boxes[i], h("span", {}, option.label)));
    const node = h("fieldset", { class: "field" }, h("legend", {}, label), rows, hint ? h("p", { class: "hint" }, hint) : null);
    return { name, node, first: boxes[0], value: () => boxes.filter((box) => box.checked).map((box) => box.value) };
  }
  const common = { id, name, required, maxlength: kind === "text" ? String(most) : null, autocomplete: "off" };
  const input =
    kind === "select"
      ? h("select", common, options.map((each) => h("option", { value: each.value, selected: each.value === value }, each.label)))
      : h("input", { ...common, type: "text", value });
  const node = h("div", { class: "field" }, h("label", { for: id }, label), input, hint ? h("p", { class: "hint" }, hint) : null);
  return { name, node, first: input, value: () => input.value.trim() };
}

/** Say what was done, where it is seen and heard, for a while. */
export function toast(text, kind = "good") {
  const region = document.getElementById("toasts");
  const note = h("p", { class: `toast toast-${kind}` }, text);
  region.append(note);
  setTimeout(() => note.remove(), SHOWN_MS);
}

/** Why the buttons beside it do nothing, where a token may only look. */
export function whyNot(scope) {
  const why = forbidden(scope);
  return why ? h("p", { class: "hint" }, why) : null;
}

/** A button for an order; one that the token does not allow stays in reach of the keyboard, and says why not. */
export function order(scope, properties, ...children) {
  const why = forbidden(scope);
  if (!why) return h("button", { type: "button", ...properties }, ...children);
  const locked = { ...properties, onclick: () => toast(why, "bad"), "aria-disabled": "true", title: why };
  return h("button", { type: "button", ...locked }, ...children);
}
