// Follows a run: its time, what happens, and the changed part of the page, all of it at most once a second.
// What is drawn here is measured with the rest: so only what differs is touched, and trials land every other second.
// @ts-check
const live = /** @type {HTMLElement} */ (document.getElementById("live"));
const happening = /** @type {HTMLElement} */ (document.getElementById("happening"));
const clock = /** @type {HTMLElement} */ (document.getElementById("clock"));
const run = live.dataset.run;
const BEAT_MS = 1000;
const FETCH_MS = 2000;
const NARROW = matchMedia("(max-width: 44rem)");
const began = performance.now() - 1000 * Number(clock.dataset.elapsed);
const budget = Number(clock.dataset.budget);
let place = live.dataset.place ?? "0";
let due = false;
let fetching = false;
let fetched = -FETCH_MS;
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
  if (fetching || !due || performance.now() - fetched < FETCH_MS - BEAT_MS / 2) return;
  due = false;
  fetching = true;
  fetched = performance.now();
  try {
    const answer = await fetch(`/runs/${run}/now?only=${NARROW.matches ? "narrow" : "wide"}`);
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
  if (note) {
    happening.textContent = note;
    note = "";
  }
  if (changed !== null) {
    const made = document.createElement("template");
    made.innerHTML = changed;
    changed = null;
    cost(start, made.content);
    like(live, made.content);
  }
  void live.offsetHeight;
  spent.push({ at: start, ms: performance.now() - start });
}

/**
 * Makes the children of a node like those of another: what is alike stays, and is not drawn again.
 * @param {Node} here
 * @param {Node} there
 */
function like(here, there) {
  const old = [...here.childNodes];
  const wanted = [...there.childNodes];
  wanted.forEach((next, number) => {
    const one = old[number];
    if (!one) here.appendChild(next);
    else if (one.nodeName !== next.nodeName) here.replaceChild(next, one);
    else if (one.isEqualNode(next)) return;
    else if (one instanceof Element && next instanceof Element) {
      for (const { name } of [...one.attributes]) if (name !== "open" && !next.hasAttribute(name)) one.removeAttribute(name);
      for (const { name, value } of next.attributes) if (one.getAttribute(name) !== value) one.setAttribute(name, value);
      like(one, next);
    } else one.nodeValue = next.nodeValue;
  });
  for (const rest of old.slice(wanted.length)) rest.remove();
}

/**
 * @param {number} now
 * @param {DocumentFragment} made
 */
function cost(now, made) {
  const shown = /** @type {HTMLElement | null} */ (made.querySelector("[data-server]"));
  spent = spent.filter(({ at }) => now - at < 10_000);
  const [first] = spent;
  if (!shown || !first || spent.length < 2) return;
  const share = spent.reduce((sum, { ms }) => sum + ms, 0) / (now - first.at);
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
