// All that the page knows comes through here: JSON and one stream of events, with the token as a bearer.

const KEY = "driftline.token";
const ROOT = new URL("v1/", document.baseURI);

/** An answer that was none: what the server said, or that it said nothing. */
export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

const listeners = new Set();

/** Call with the token that was refused when another one is wanted; with null when any is. */
export const onUnauthorized = (listener) => listeners.add(listener);

function headers(more = {}) {
  const held = token.get();
  return held ? { ...more, Authorization: `Bearer ${held}` } : more;
}

async function ask(path, options = {}) {
  const held = token.get();
  let response;
  try {
    response = await fetch(new URL(path, ROOT), { cache: "no-store", ...options, headers: headers(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "No connection", "The server does not answer. It is asked again by itself.");
  }
  if (response.ok) return response;
  if (response.status === 401) for (const listener of listeners) listener(held);
  throw await problem(response);
}

async function problem(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    // a proxy between us may answer in HTML: its status is all that can be told
  }
  const detail = typeof said.detail === "string" ? said.detail : "";
  return new Problem(response.status, said.title ?? `Status ${response.status}`, detail);
}

/** What lies at a path; `size` is how many characters it came as. */
export function get(path, parameters = {}) {
  const whole = address(path, parameters);
  const coming = early.get(whole);
  early.delete(whole);
  return coming ?? fetched(whole);
}

const early = new Map();

/** Ask for what a view will ask for once it is there. */
export function foresee(path, parameters = {}) {
  const whole = address(path, parameters);
  const coming = fetched(whole);
  coming.catch(() => early.delete(whole)); // then the view asks itself
  early.set(whole, coming);
}

function address(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return query ? `${path}?${query}` : path;
}

async function fetched(whole) {
  const text = await (await ask(whole)).text();
  return { data: JSON.parse(text), size: text.length };
}

/** Send an order. */
export async function send(method, path, body = undefined) {
  const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const text = await (await ask(path, { method, ...json })).text();
  return text ? JSON.parse(text) : null;
}

const SILENT_MS = 20000; // the stream says something each second; beyond this it is taken for dead
const WAIT_MS = [500, 1000, 2000, 4000, 8000, 15000];

/**
 * Follow the stream of events, again and again until stopped, each time from where it was left.
 *
 * EventSource can't send a token, so this reads the body of a fetch. `on.event(name, data)` for each event,
 * `on.state("live" | "lost", problem)` when the connection comes or goes.
 */
export function follow(topics, on) {
  let last = null;
  let stopped = false;
  let abort = new AbortController();

  async function once() {
    abort = new AbortController();
    const alive = watchdog(() => abort.abort());
    try {
      const more = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
      const response = await ask(`stream?topics=${topics.join(",")}`, { headers: more, signal: abort.signal });
      on.state("live");
      for await (const event of events(response.body, alive.fed)) {
        last = event.id ?? last;
        if (event.data) on.event(event.name, JSON.parse(event.data));
      }
    } finally {
      alive.end();
    }
  }

  (async () => {
    for (let failed = 0; !stopped; ) {
      const began = Date.now();
      let why = null;
      try {
        await once();
      } catch (error) {
        why = error;
      }
      if (stopped) return;
      failed = Date.now() - began > SILENT_MS ? 0 : failed + 1;
      on.state("lost", why);
      if (why?.status === 401) return;
      await new Promise((go) => setTimeout(go, WAIT_MS[Math.min(failed, WAIT_MS.length) - 1] ?? WAIT_MS[0]));
    }
  })();

  return () => {
    stopped = true;
    abort.abort();
  };
}

function watchdog(bark) {
  let timer = setTimeout(bark, SILENT_MS);
  const end = () => clearTimeout(timer);
  return {
    end,
    fed: () => {
      end();
      timer = setTimeout(bark, SILENT_MS);
    },
  };
}

/** The events of a text/event-stream. */
async function* events(body, fed) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    fed();
    const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) yield parsed(block);
  }
}

function parsed(block) {
  const event = { name: "message", id: null, data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at <= 0) continue; // a line that begins with a colon is a sign of life
    const value = line.slice(at + 1).replace(/^ /, "");
    if (line.startsWith("data:")) event.data += event.data ? `\n${value}` : value;
    else if (line.startsWith("event:")) event.name = value;
    else if (line.startsWith("id:")) event.id = value;
  }
  return event;
}
