// Draws a line for each row beside its number: a mark is placed by mouse, touch or keys, and written as a number.
// @ts-check
const sheet = /** @type {HTMLElement | null} */ (document.querySelector(".marks"));
const NS = "http://www.w3.org/2000/svg";
const WIDTH = 400;
const HEIGHT = 34;
const EDGE = 9;

/** @param {HTMLElement} sheet */
function draw(sheet) {
  const low = Number(sheet.dataset.low);
  const high = Number(sheet.dataset.high);
  const unit = sheet.dataset.unit ?? "";
  const log = low > 0;
  const inputs = /** @type {HTMLInputElement[]} */ ([...sheet.querySelectorAll("input")]);

  /** @param {number} value */
  const shareOf = (value) => (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  /** @param {number} share */
  const valueAt = (share) => (log ? low * (high / low) ** share : low + share * (high - low));
  /** @param {number} value */
  const short = (value) => String(Number(value.toPrecision(2)));
  /** @param {HTMLInputElement} input */
  const valueOf = (input) => {
    const value = Number(input.value.replace(",", "."));
    return input.value.trim() !== "" && value >= low && value <= high ? value : null;
  };

  const lines = inputs.map((input) => line(input));
  lines.forEach((each) => each.show());
  scaleRow();
  sheet.classList.add("drawn");

  /** @param {HTMLInputElement} input */
  function line(input) {
    const cell = document.createElement("td");
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "slider");
    svg.setAttribute("aria-label", input.labels?.[0]?.textContent?.trim() ?? "");
    svg.setAttribute("aria-valuemin", String(low));
    svg.setAttribute("aria-valuemax", String(high));
    svg.innerHTML = `<line x1="${EDGE}" x2="${WIDTH - EDGE}" y1="17" y2="17"/><path/>`;
    const mark = /** @type {SVGPathElement} */ (svg.querySelector("path"));
    cell.className = "line";
    cell.append(svg);
    input.closest("tr")?.append(cell);
    const show = () => {
      const value = valueOf(input);
      const x = EDGE + (value === null ? 0.5 : shareOf(value)) * (WIDTH - 2 * EDGE);
      mark.setAttribute("d", `M${x} 8l7 9-7 9-7-9z`);
      mark.setAttribute("class", value === null ? "unset" : "set");
      svg.setAttribute("aria-valuenow", String(value ?? valueAt(0.5)));
      svg.setAttribute("aria-valuetext", value === null ? "no prediction yet" : `${short(value)} ${unit}`);
    };
    /** @param {number} share */
    const set = (share) => {
      input.value = short(valueAt(Math.min(1, Math.max(0, share))));
      show();
    };
    input.addEventListener("input", show);
    svg.addEventListener("keydown", (event) => keyed(event, input, set));
    return { svg, set, show };
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLInputElement} input
   * @param {(share: number) => void} set
   */
  function keyed(event, input, set) {
    const here = shareOf(valueOf(input) ?? valueAt(0.5));
    const step = event.shiftKey ? 0.005 : 0.02;
    /** @type {Record<string, number>} */
    const to = {
      ArrowLeft: here - step, ArrowDown: here - step, ArrowRight: here + step, ArrowUp: here + step,
      PageDown: here - 0.1, PageUp: here + 0.1, Home: 0, End: 1,
    };
    const share = to[event.key];
    if (share !== undefined) {
      event.preventDefault();
      set(share);
    } else if (event.key === "Escape" || event.key === "Delete") {
      input.value = "";
      input.dispatchEvent(new Event("input"));
    }
  }

  // One stroke down the sheet sets every row that it crosses: also those between two events of a quick one.
  /** @type {{x: number, y: number} | null} */
  let last = null;
  sheet.addEventListener("pointerdown", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("td.line")) return;
    sheet.setPointerCapture(event.pointerId);
    last = null;
    stroke(event);
  });
  sheet.addEventListener("pointermove", (event) => {
    if (sheet.hasPointerCapture(event.pointerId)) stroke(event);
  });
  /** @param {PointerEvent} event */
  function stroke(event) {
    const from = last ?? { x: event.clientX, y: event.clientY };
    last = { x: event.clientX, y: event.clientY };
    for (const { svg, set } of lines) {
      const box = svg.getBoundingClientRect();
      const middle = box.top + box.height / 2;
      const above = Math.min(from.y, event.clientY);
      const below = Math.max(from.y, event.clientY);
      const within = event.clientY >= box.top && event.clientY <= box.bottom;
      if (!within && !(above <= middle && middle <= below)) continue;
      const along = within || event.clientY === from.y ? 1 : (middle - from.y) / (event.clientY - from.y);
      const x = from.x + along * (event.clientX - from.x);
      const edge = (EDGE / WIDTH) * box.width;
      set((x - box.left - edge) / (box.width - 2 * edge));
    }
  }

  function scaleRow() {
    const head = sheet.querySelector("thead tr");
    const cell = document.createElement("th");
    const ticks = log ? powers() : [0, 0.25, 0.5, 0.75, 1].map(valueAt);
    cell.className = "scale";
    cell.innerHTML = `<span class="hidden">on the axis</span><svg viewBox="0 0 ${WIDTH} 18" aria-hidden="true">${ticks
      .map((tick) => {
        const x = EDGE + shareOf(tick) * (WIDTH - 2 * EDGE);
        const anchor = x < 30 ? "start" : x > WIDTH - 30 ? "end" : "middle";
        return `<text x="${anchor === "start" ? 2 : anchor === "end" ? WIDTH - 2 : x}" y="14" text-anchor="${anchor}">${tick.toLocaleString("en", { maximumSignificantDigits: 3 })}</text>`;
      })
      .join("")}</svg>`;
    head?.append(cell);
  }

  function powers() {
    const found = [];
    for (let power = Math.ceil(Math.log10(low) - 1e-9); power <= Math.log10(high) + 1e-9; power++) found.push(10 ** power);
    return found;
  }
}

if (sheet) draw(sheet);
