// Dead letters: what was refused, why, and sending it again.

import { get, send } from "../api.js";
import { ask, order, toast, whyNot } from "../dialog.js";
import { empty, facts, h, icon, put, say } from "../dom.js";
import { age, count, date, pretty, words } from "../format.js";
import { list } from "../list.js";
import { again, now, on, state } from "../state.js";

export const TITLE = "Dead letters";
const PAGE = 200;

export function show() {
  let letters = [];
  let reason = null;
  let from = 0;
  let chosen = null;
  let known = null;
  const chips = h("div", { class: "chips" });
  const older = h("button", { type: "button", class: "quiet", onclick: () => page(PAGE) }, "Older");
  const newer = h("button", { type: "button", class: "quiet", onclick: () => page(-PAGE) }, "Newer");
  const many = h("span", { class: "soft" });
  const all = h("span", {});
  const board = list({ label: "Dead letters", columns: COLUMNS, id: (each) => each.place, open: (each) => (location.hash = `#/letters/${encodeURIComponent(each.place)}`) });
  const beside = h("aside", { class: "beside card", "aria-label": "Dead letter", hidden: true });
  const node = h(
    "div",
    { class: "view view-list" },
    h("div", { class: "view-head" }, h("h1", {}, TITLE), chips, h("span", { class: "pager" }, newer, many, older), all),
    h("div", { class: "master" }, h("section", { class: "card card-list" }, board.node), beside),
  );

  const load = async () => {
    try {
      const { data, size } = await get("dead-letters", { reason, limit: PAGE, offset: from });
      letters = data.letters ?? [];
      const reasons = Object.entries(data.reasons ?? {}).toSorted((a, b) => b[1] - a[1]);
      const told = JSON.stringify([reasons, reason]);
      if (told !== known) put(chips, reasons.map(([name, number]) => chip(name, number)));
      known = told;
      put(all, reasons.length ? order("admin", { onclick: () => replayAll(reason, () => turn.now()) }, reason ? `Replay all ${words(reason)} …` : "Replay all …") : null);
      say(many, letters.length ? `${count(from + 1)} to ${count(from + letters.length)}${data.total ? ` of ${count(data.total)}` : ""}` : "");
      newer.disabled = from === 0;
      older.disabled = letters.length < PAGE;
      board.update(letters, empty("No dead letters", "Every record fitted. One that does not would be kept here, with its reason, to be sent again."));
      if (chosen) open();
      return size;
    } catch (problem) {
      if (!letters.length) board.update([], empty("Not there", problem.message));
      return 0;
    }
  };
  const chip = (name, number) => h("button", { class: "chip", type: "button", "aria-pressed": String(name === reason), onclick: () => want(name) }, h("span", {}, words(name)), h("b", {}, count(number)));
  const want = (name) => {
    reason = reason === name ? null : name;
    from = 0;
    turn.now();
  };
  const page = (by) => {
    from = Math.max(0, from + by);
    turn.now();
  };
  const close = () => (location.hash = "#/letters");
  const choose = (place) => {
    chosen = place;
    beside.hidden = place === null;
    node.classList.toggle("opened", place !== null);
    board.select(place);
    if (place === null) {
      put(beside);
      delete beside.dataset.of;
      board.focus();
    } else open();
  };
  const open = () => {
    const letter = letters.find((each) => each.place === chosen);
    if (letter) detail(beside, letter, close, () => turn.now());
    else if (!beside.dataset.of) put(beside, h("button", { type: "button", class: "quiet", onclick: close }, icon("back"), "All dead letters"), empty(chosen, "It is not on this page of the list."));
  };
  const turn = again(load, 10000);
  let total = null;
  const off = on("status", (status) => {
    const many = status.totals?.dead_letters;
    if (total !== null && many !== total) turn.soon();
    total = many;
  });
  return {
    node,
    choose,
    key: (event) => {
      const letter = letters.find((each) => each.place === chosen);
      if (event.key === "Escape" && chosen) close();
      else if (event.key === "r" && letter && state.me.scopes.includes("admin")) {
        event.preventDefault();
        replay(letter, () => turn.now());
      }
    },
    end: () => [turn.end, off].forEach((end) => end()),
  };
}

const COLUMNS = [
  { name: "Reason", class: "reason-cell", cell: (each) => h("span", { class: "tag tag-reason" }, words(each.reason)) },
  { name: "What was wrong", class: "grow", cell: (each) => [h("span", { class: "cut" }, each.message ?? ""), h("span", { class: "soft cut" }, whence(each))] },
  { name: "Replayed", class: "optional narrow", cell: (each) => (each.replayed ? h("span", { class: "tag tag-resolved" }, "replayed") : "") },
  { name: "Refused", class: "when", cell: (each) => h("span", {}, `${age((now() - each.recorded_ms) / 1000)} ago`) },
];

const whence = ({ source }) => (source?.topic ? `${source.topic}, partition ${source.partition}, offset ${source.offset}` : "");

function detail(node, letter, close, changed) {
  const fresh = node.dataset.of !== letter.place;
  if (!fresh && node.dataset.replayed === String(letter.replayed)) return;
  node.dataset.of = letter.place;
  node.dataset.replayed = String(letter.replayed);
  const title = h("h2", { tabindex: "-1" }, words(letter.reason));
  put(
    node,
    h("div", { class: "beside-head" }, h("button", { type: "button", class: "quiet back", onclick: close }, icon("back"), "All dead letters")),
    title,
    h("p", { class: "summary break" }, letter.message ?? ""),
    letter.replayed ? h("p", { class: "soft" }, "It was sent again.") : h("div", { class: "buttons" }, order("admin", { class: "primary", onclick: () => replay(letter, changed), "aria-keyshortcuts": "r" }, "Replay …"), whyNot("admin")),
    facts([
      ["error", letter.exception],
      ["came from", whence(letter)],
      ["refused", date(letter.recorded_ms)],
      ["lies at", letter.place],
      ["key", letter.key === null || letter.key === undefined ? "none" : String(letter.key)],
    ]),
    h("h3", {}, "Record"),
    h("pre", { class: "record", tabindex: "0", "aria-label": "Record" }, pretty(letter.value)),
    letter.cut ? h("p", { class: "soft" }, "It is longer than what is shown.") : null,
  );
  if (fresh) title.focus({ preventScroll: true });
}

function replay(letter, changed) {
  return ask({
    title: "Send this record again?",
    text: "It goes to where it came from. Mend what was wrong first, or it comes back. However often this is done, it is sent once.",
    button: "Replay",
    named: false,
    act: async () => {
      const done = await send("POST", "dead-letters/replay", { places: [letter.place], dry: false });
      toast(told(done));
      changed();
    },
  });
}

async function replayAll(reason, changed) {
  const what = reason ? { reason } : { all: true };
  let number = null;
  try {
    number = sent(await send("POST", "dead-letters/replay", { ...what, dry: true }));
  } catch (problem) {
    toast(problem.message, "bad");
    return null;
  }
  if (!number) {
    toast("There is none that was not sent again already.");
    return null;
  }
  return ask({
    title: `Send ${count(number)} ${number === 1 ? "record" : "records"} again?`,
    text: `${reason ? `All refused as “${words(reason)}”` : "All dead letters"} go to where they came from. Those sent before are left out.`,
    button: "Replay them",
    named: false,
    act: async () => {
      toast(told(await send("POST", "dead-letters/replay", { ...what, dry: false })));
      changed();
    },
  });
}

/** How many an answer says were sent, or would be. */
const sent = (answer) => Object.values(answer.replayed).reduce((sum, each) => sum + each, 0);

function told(answer) {
  const parts = [`${count(sent(answer))} sent again. What is still wrong comes back.`];
  if (answer.already) parts.push(`${count(answer.already)} had been sent before.`);
  if (answer.astray) parts.push(`${count(answer.astray)} came from no topic of this pipeline.`);
  return parts.join(" ");
}
