// The frame: who is there, what is open, and how the pipeline does.

import { follow, get, onUnauthorized, Problem, token } from "./api.js";
import { h, icon, put, say } from "./dom.js";
import { bar } from "./bar.js";
import { signIn } from "./signin.js";
import { again, on, state, tell } from "./state.js";
import { toast } from "./dialog.js";
import { help } from "./help.js";
import * as alerts from "./views/alerts.js";
import * as audit from "./views/audit.js";
import * as drift from "./views/drift.js";
import * as letters from "./views/letters.js";
import * as models from "./views/models.js";
import * as quality from "./views/quality.js";
import * as stream from "./views/stream.js";

const VIEWS = { stream, quality, drift, alerts, letters, models, audit };
const app = document.getElementById("app");
const main = document.getElementById("main");
const side = document.getElementById("side");
const tabs = {};

let open = null; // {name, view}
let unfollow = null;
let asking = null; // in place of the stream

/** Put a view in the middle: `#/drift/amount` is the view `drift` on `amount`; messages link to `#alert=...`. */
function route() {
  const [, ...rest] = parts();
  const chosen = named();
  const what = rest.length ? plain(rest.join("/")) : null;
  if (open?.name !== chosen) {
    open?.view.end();
    open = { name: chosen, view: VIEWS[chosen].show() };
    put(main, open.view.node);
    main.scrollTop = 0;
    document.title = title();
    for (const [each, tab] of Object.entries(tabs)) {
      if (each === chosen) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
    tabs[chosen].scrollIntoView({ block: "nearest", inline: "nearest" });
    listen();
  }
  open.view.choose?.(what);
}

const parts = () => location.hash.replace(/^#alert=/, "#/alerts/").replace(/^#\/?/, "").split("/");
const named = () => (parts()[0] in VIEWS ? parts()[0] : "stream");

/** What an address names; as it stands, where it is spelled wrong. */
function plain(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const title = () => `${VIEWS[open?.name ?? "stream"].TITLE} · ${state.status?.pipeline ?? "Driftline"}`;

function listen() {
  const wanted = VIEWS[open.name].TOPICS ?? ["alerts", "status"];
  if (unfollow?.topics.join() === wanted.join()) return;
  unfollow?.stop();
  const stop = follow(wanted, {
    event: (name, data) => tell(name === "problem" ? "trouble" : name, data),
    state: (now) => (now === "live" ? streaming() : instead()),
  });
  unfollow = { topics: wanted, stop };
}

function streaming() {
  asking?.end();
  asking = null;
  tell("live", "live");
}

/** Ask now and again where there is no stream: it may be that only the stream does not get through. */
function instead() {
  asking ??= again(async () => {
    try {
      const { data, size } = await get("status");
      tell("status", data);
      tell("live", "asked");
      return size;
    } catch (problem) {
      if (problem.status === 503) tell("trouble", { detail: problem.message });
      tell("live", problem.status ? "asked" : "lost");
      return 0;
    }
  });
}

function menu() {
  put(
    side,
    Object.entries(VIEWS).map(([name, view], i) => {
      const badge = h("span", { class: "badge", hidden: true });
      tabs[name] = h("a", { href: `#/${name}`, title: `${view.TITLE} (${i + 1})` }, icon(name), h("span", {}, view.TITLE), badge);
      tabs[name].badge = badge;
      return tabs[name];
    }),
  );
}

function badges(status) {
  const firing = Object.values(status.alerts ?? {}).reduce((sum, each) => sum + each, 0);
  badge("alerts", firing, "firing");
  document.title = title();
}

function badge(name, count, what) {
  const node = tabs[name].badge;
  node.hidden = !count;
  say(node, String(count));
  node.setAttribute("aria-label", `${count} ${what}`);
}

function keys(event) {
  const typing = event.target.closest?.("input, select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = Number(event.key) - 1;
  const name = Object.keys(VIEWS)[at];
  if (name) {
    location.hash = `#/${name}`;
    main.focus({ preventScroll: true });
  } else if (event.key === "?") help();
  else if (event.key === "/") {
    const search = main.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  } else open?.view.key?.(event);
}

/** Find out who we are, then show the page; without a token that is taken, ask for one. */
async function start() {
  if (named() === "stream") stream.foresight();
  try {
    const [me, status] = await Promise.all([get("whoami"), get("status").catch(() => null)]);
    tell("me", me.data);
    if (status) tell("status", status.data);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 401) return;
    put(main, h("div", { class: "empty" }, h("p", { class: "empty-title" }, problem.title ?? "No answer"), h("p", {}, problem.message)));
    setTimeout(start, 2000);
    return;
  }
  app.classList.remove("signed-out");
  route();
}

function leave() {
  token.set(null);
  unauthorized(null);
}

function unauthorized(refused) {
  if (main.querySelector(".signin") && token.get() !== refused) return; // several were under way
  unfollow?.stop();
  unfollow = null;
  asking?.end();
  asking = null;
  open?.view.end();
  open = null;
  app.classList.add("signed-out");
  token.set(null);
  put(main, signIn(refused !== null, start));
  main.querySelector("input")?.focus();
}

menu();
bar(document.getElementById("top"), leave);
on("status", badges);
on("live", (now) => app.classList.toggle("offline", now === "lost"));
let was = "connecting";
on("live", (now) => {
  if (was === "lost" && now !== "lost") toast("Connected again.");
  was = now;
});
onUnauthorized(unauthorized);
addEventListener("hashchange", () => open && route());
addEventListener("keydown", keys);
start();
