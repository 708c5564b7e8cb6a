// Follows a run: says what happens, and fetches the changed part of the page, at most twice a second.
// @ts-check
const live = /** @type {HTMLElement} */ (document.getElementById("live"));
const happening = /** @type {HTMLElement} */ (document.getElementById("happening"));
const run = live.dataset.run;
const PAUSE_MS = 500;
const NOTE_MS = 1000;
let place = live.dataset.place ?? "0";
let due = false;
let fetching = false;
let noted = 0;
/** @type {EventSource | null} */
let source = null;

async function refresh() {
  if (fetching || !due || document.hidden) return;
  due = false;
  fetching = true;
  try {
    const answer = await fetch(`/runs/${run}/now`);
    if (answer.ok) {
      const open = [...live.querySelectorAll("details")].map((each) => each.open);
      live.innerHTML = await answer.text();
      live.querySelectorAll("details").forEach((each, number) => (each.open = open[number] ?? false));
    }
  } finally {
    setTimeout(() => { fetching = false; refresh(); }, PAUSE_MS);
  }
}

/** @param {MessageEvent} message */
function take(message) {
  place = message.lastEventId || place;
  const event = JSON.parse(message.data);
  if (event.kind === "finished") {
    close();
    location.reload();
  } else if (event.kind === "note") {
    const now = performance.now();
    if (now - noted >= NOTE_MS) {
      noted = now;
      happening.textContent = event.says;
    }
  } else if (event.status || event.kind === "claim") {
    due = true;
    refresh();
  }
}

// A browser gives a site six connections: only the tab that is looked at holds one.
function open() {
  if (source || document.hidden) return;
  source = new EventSource(`/runs/${run}/events?from=${place}`);
  source.onmessage = take;
  due = true;
  refresh();
}

function close() {
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
open();
