// Follows a run: its time, what happens, and the changed part of the page, all of it at most twice a second.
// @ts-check
const live = /** @type {HTMLElement} */ (document.getElementById("live"));
const happening = /** @type {HTMLElement} */ (document.getElementById("happening"));
const clock = /** @type {HTMLElement} */ (document.getElementById("clock"));
const run = live.dataset.run;
const BEAT_MS = 500;
const NOTE_MS = 1000;
const began = performance.now() - 1000 * Number(clock.dataset.elapsed);
const budget = Number(clock.dataset.budget);
let place = live.dataset.place ?? "0";
let due = false;
let fetching = false;
let noted = 0;
let note = "";
/** @type {string | null} */
let changed = null;
/** @type {EventSource | null} */
let source = null;
/** @type {ReturnType<typeof setInterval> | undefined} */
let beating;
/** @type {{at: number, ms: number}[]} */
let spent = [];

async function refresh() {
  if (fetching || !due) return;
  due = false;
  fetching = true;
  try {
    const answer = await fetch(`/runs/${run}/now`);
    if (answer.ok) changed = await answer.text();
  } catch {
    due = true;
  } finally {
    fetching = false;
  }
}

/** @param {number} elapsed */
function told(elapsed) {
  const left = budget - elapsed;
  if (left <= 0) return `${elapsed.toFixed(0)} s, beyond its budget: it ends with what is under way`;
  return `${elapsed.toFixed(0)} s, at most ${left.toFixed(0)} s to go`;
}

// All that a beat changes is changed at once, and what that took is counted: script, style and layout.
function beat() {
  const start = performance.now();
  refresh();
  const time = told((start - began) / 1000);
  if (clock.textContent !== time) clock.textContent = time;
  if (note && start - noted >= NOTE_MS) {
    happening.textContent = note;
    note = "";
    noted = start;
  }
  if (changed !== null) {
    const open = [...live.querySelectorAll("details")].map((each) => each.open);
    live.innerHTML = changed;
    changed = null;
    live.querySelectorAll("details").forEach((each, number) => (each.open = open[number] ?? false));
    cost(start);
  }
  void live.offsetHeight;
  spent.push({ at: start, ms: performance.now() - start });
}

/** @param {number} now */
function cost(now) {
  const shown = /** @type {HTMLElement | null} */ (live.querySelector("[data-server]"));
  spent = spent.filter(({ at }) => now - at < 10_000);
  if (!shown || spent.length < 2) return;
  const share = spent.reduce((sum, { ms }) => sum + ms, 0) / (now - spent[0].at);
  shown.textContent = `${(100 * (share + Number(shown.dataset.server))).toFixed(1)} % of a core`;
}

/** @param {MessageEvent} message */
function take(message) {
  place = message.lastEventId || place;
  const event = JSON.parse(message.data);
  if (event.kind === "finished") ended();
  else if (event.kind === "note") note = event.says;
  else if (event.status || event.kind === "claim" || event.kind === "block") due = true;
}

// Who reads further down is not carried away.
function ended() {
  close();
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  document.title = `Ended after ${seconds} s · Hinterland`;
  if (scrollY < 300) return location.reload();
  const link = document.createElement("a");
  link.href = location.pathname;
  link.textContent = "See what it came to";
  clock.replaceChildren(`Ended after ${seconds} s. `, link);
}

// A browser gives a site six connections: only the tab that is looked at holds one, and only it is drawn.
function open() {
  if (source || document.hidden) return;
  source = new EventSource(`/runs/${run}/events?from=${place}`);
  source.onmessage = take;
  due = true;
  beating = setInterval(beat, BEAT_MS);
}

function close() {
  source?.close();
  source = null;
  clearInterval(beating);
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
open();
