// The way in, where the server wants a token. It is kept for as long as this tab is open.

import { token } from "./api.js";
import { h } from "./dom.js";

export function signIn(refused, done) {
  const input = h("input", {
    id: "token",
    type: "password",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "token-hint",
    "aria-invalid": refused ? "true" : null,
  });
  const enter = (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    token.set(input.value.trim());
    done();
  };
  return h(
    "form",
    { class: "signin card", onsubmit: enter },
    h("h1", {}, "Sign in"),
    h("p", {}, "This pipeline is shown to those who have a token."),
    h("label", { for: "token" }, "Token"),
    input,
    refused ? h("p", { class: "dialog-error", role: "alert" }, "This token is not known here, or was revoked.") : null,
    h("button", { class: "primary", type: "submit" }, "Sign in"),
    h(
      "p",
      { class: "hint", id: "token-hint" },
      "The token stays in this tab, and is forgotten with it. Who runs the pipeline can make one: ",
      h("code", {}, "driftline tokens add NAME --scope read"),
    ),
  );
}
