// The line at the top: which pipeline, whether it keeps up, and its few most important figures.

import { h, icon, put, say } from "./dom.js";
import { age, compact, figure, milliseconds } from "./format.js";
import { help } from "./help.js";
import { on, state } from "./state.js";

const BEHIND_SECONDS = 10;
const STUCK_SECONDS = 60;
const URGENT = new Set(["lost", "bad", "warn"]); // these are told in full

/** In a word how the pipeline does, why, and how bad that is. */
export function condition({ status, live, trouble }) {
  if (live === "lost") return ["lost", "No connection", "What you see is the last that was heard."];
  if (trouble) return ["bad", "No log", trouble.detail];
  if (!status) return ["none", "Connecting", ""];
  const { lag = {}, rates = {}, commit_age_seconds: since } = status;
  if (lag.records > 0 && since > STUCK_SECONDS) return ["bad", "Stuck", `${figure(lag.records)} records wait, and nothing was committed for ${age(since)}.`];
  if (lag.records > 0 && lag.seconds > BEHIND_SECONDS) return ["warn", "Behind", `The newest event taken is ${age(lag.seconds)} behind.`];
  if (!status.totals?.events) return ["none", "Waiting", "No event came yet."];
  if (!rates.events_per_second) return ["none", "Quiet", "No events come at the moment."];
  return ["good", "Keeping up", "Every event is taken as it comes."];
}

export function bar(node, leave) {
  const name = h("span", { class: "pipeline" }, "Driftline");
  const pill = h("span", { class: "pill" });
  const figures = ["events/s", "lag", "p99", "alerts"].map((label) => ({ label, value: h("dd", {}, "–"), node: null }));
  const list = h(
    "dl",
    { class: "figures" },
    figures.map((each) => (each.node = h("div", {}, h("dt", {}, each.label), each.value))),
  );
  figures[3].node.classList.add("figure-alerts");
  const theme = h("button", { class: "quiet", type: "button", title: "Light or dark", "aria-label": "Light or dark", onclick: turn }, icon("theme"));
  const keys = h("button", { class: "quiet wide", type: "button", title: "Keys", "aria-label": "Keys", onclick: help }, "?");
  const out = h("button", { class: "quiet", type: "button", title: "Sign out", "aria-label": "Sign out", onclick: leave, hidden: true }, icon("out"));
  const banner = h("p", { class: "banner", role: "status", hidden: true });
  put(node, h("div", { class: "who" }, h("span", { class: "logo", "aria-hidden": "true" }), name, pill), list, h("div", { class: "tools" }, keys, theme, out), banner);

  const draw = () => {
    const { status, me } = state;
    const [kind, word, why] = condition(state);
    if (pill.textContent !== word) put(pill, word);
    pill.className = `pill pill-${kind}`;
    pill.title = why;
    banner.hidden = !URGENT.has(kind);
    say(banner, banner.hidden ? "" : why);
    out.hidden = !me.token;
    if (!status) return;
    say(name, status.pipeline);
    say(figures[0].value, compact(status.rates?.events_per_second));
    say(figures[1].value, compact(status.lag?.records));
    say(figures[2].value, milliseconds(status.latency_ms?.p99));
    const { critical = 0, warning = 0, info = 0 } = status.alerts ?? {};
    const parts = [["critical", critical], ["warning", warning], ["info", info]].filter(([, count]) => count);
    const told = parts.map(([severity, count]) => `${count} ${severity}`).join(", ") || "none firing";
    if (figures[3].value.title === told) return;
    figures[3].value.title = told;
    figures[3].value.setAttribute("aria-label", told);
    put(figures[3].value, parts.length ? parts.map(([severity, count]) => h("span", { class: `count count-${severity}` }, icon(severity), String(count))) : "none");
  };
  for (const what of ["status", "live", "me", "trouble"]) on(what, draw);
  draw();
}

function turn() {
  const root = document.documentElement;
  const next = root.dataset.theme === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  try {
    localStorage.setItem("driftline.theme", next);
  } catch {
    // where storage is forbidden the choice holds for this page
  }
}
