// Lets a witness be stepped through: one event lit at a time, by buttons or arrow keys. Without it all are listed.
// @ts-check

/** @param {HTMLElement} story */
function steps(story) {
  const events = [...story.querySelectorAll("li")];
  const row = document.createElement("p");
  const says = document.createElement("span");
  const back = button("Previous", () => go(at - 1));
  const on = button("Step through", () => go(at + 1));
  const all = button("All at once", () => go(-1));
  let at = -1;
  says.setAttribute("role", "status");
  row.className = "steps";
  row.append(back, on, all, says);
  story.append(row);
  story.tabIndex = 0;
  story.setAttribute("role", "group");
  story.setAttribute("aria-label", "A witness, step by step: arrow keys go back and on, Escape shows all");
  story.addEventListener("keydown", (event) => {
    /** @type {Record<string, number>} */
    const keys = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: events.length - 1, Escape: -1 };
    const to = keys[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(to);
  });
  show();

  /** @param {number} to */
  function go(to) {
    at = Math.max(-1, Math.min(to, events.length - 1));
    show();
  }

  function show() {
    story.classList.toggle("stepping", at >= 0);
    events.forEach((event, number) => {
      event.classList.toggle("lit", number === at);
      if (number === at) event.setAttribute("aria-current", "step");
      else event.removeAttribute("aria-current");
    });
    on.textContent = at < 0 ? "Step through" : "Next";
    on.disabled = at === events.length - 1;
    back.disabled = at <= 0;
    back.hidden = all.hidden = at < 0;
    says.textContent = at < 0 ? "" : `${at + 1} of ${events.length}`;
  }
}

/**
 * @param {string} text
 * @param {() => void} does
 */
function button(text, does) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "step";
  made.textContent = text;
  made.addEventListener("click", does);
  return made;
}

document.querySelectorAll(".story").forEach((each) => steps(/** @type {HTMLElement} */ (each)));
