// What every part of the page may want to know, and who wants to hear of it.

const heard = new Map();

export const state = {
  me: { scopes: [], token: null },
  status: null,
  live: "connecting", // connecting, live, asked (there is no stream, but there are answers) or lost
  trouble: null, // what the server has with the log
};

/** Hear of something: "status", "live", "me", "alert", "prediction", "trouble". Gives a function that ends it. */
export function on(what, listener) {
  const all = heard.get(what) ?? new Set();
  heard.set(what, all.add(listener));
  return () => all.delete(listener);
}

let ahead = 0; // of the server's clock, to ours

/** What the server's clock says: ages are told by it, whatever the clock here says. */
export const now = () => Date.now() + ahead;

export function tell(what, value) {
  if (what === "status") {
    ahead = value.now_ms - Date.now();
    state.trouble = null;
  }
  if (what in state) state[what] = value;
  for (const listener of heard.get(what) ?? []) listener(value);
}

/** What somebody who came without a token is called, as long as this tab is open. */
export const called = {
  get: () => sessionStorage.getItem("driftline.by") ?? "",
  set: (name) => sessionStorage.setItem("driftline.by", name),
};

/** Why this token may not do something; "" if it may. */
export function forbidden(scope) {
  if (state.me.scopes.includes(scope)) return "";
  const name = state.me.token ? `Your token “${state.me.token}”` : "Your token";
  return `${name} may only look: this needs one with the scope “${scope}”.`;
}

const FAST_MS = 5000;
const SOON_MS = 1000;
const CHARACTERS_PER_MS = 4; // an answer of 40,000 characters is asked for every ten seconds at most

/**
 * Load now and again while a view is open and looked at, the more seldom the longer the answers are.
 *
 * `load()` gives how many characters came. Gives `{now, soon, end}`: `now` where somebody asks for it, `soon` where
 * something came about, of which there may be much.
 */
export function again(load, least = FAST_MS) {
  let timer = null;
  let ended = false;
  let running = false;
  let asked = false;
  let rest = SOON_MS; // how long it takes until what comes about is looked at
  let awaited = null;
  async function turn() {
    if (running) {
      asked = true; // whoever asks meanwhile wants what is there after it asked
      return;
    }
    clearTimeout(timer);
    clearTimeout(awaited);
    awaited = null;
    running = true;
    let size = 0;
    try {
      if (!document.hidden) size = (await load()) ?? 0;
    } finally {
      running = false;
      rest = Math.max(SOON_MS, size / CHARACTERS_PER_MS);
      if (asked && !ended) {
        asked = false;
        turn();
      } else if (!ended) timer = setTimeout(turn, Math.max(least, size / CHARACTERS_PER_MS));
    }
  }
  const seen = () => !document.hidden && turn();
  document.addEventListener("visibilitychange", seen);
  turn();
  return {
    now: turn,
    soon: () => (awaited ??= setTimeout(turn, rest)),
    end: () => {
      ended = true;
      clearTimeout(timer);
      clearTimeout(awaited);
      document.removeEventListener("visibilitychange", seen);
    },
  };
}
