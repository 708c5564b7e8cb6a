// Pans and zooms the map: drag, pinch or Ctrl and the wheel, double click; with the keys + - 0 and arrows.
// @ts-check
const map = /** @type {SVGSVGElement | null} */ (document.querySelector("svg.atlas"));
const MOST = 6;
const STEP = 1.25;

/** @param {SVGSVGElement} map */
function movable(map) {
  const whole = map.viewBox.baseVal;
  const home = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };
  let view = { ...home };

  /** @param {{x: number, y: number, width: number, height: number}} next */
  function show(next) {
    const width = Math.min(home.width, Math.max(home.width / MOST, next.width));
    const height = (width * home.height) / home.width;
    view = {
      width,
      height,
      x: Math.min(home.x + home.width - width, Math.max(home.x, next.x)),
      y: Math.min(home.y + home.height - height, Math.max(home.y, next.y)),
    };
    map.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
    map.classList.toggle("closer", view.width < home.width * 0.7);
    map.style.touchAction = view.width < home.width ? "none" : "pan-y";
  }

  /** @param {number} x @param {number} y */
  function at(x, y) {
    const box = map.getBoundingClientRect();
    const scale = Math.max(view.width / box.width, view.height / box.height);
    const left = view.x - (box.width * scale - view.width) / 2;
    const top = view.y - (box.height * scale - view.height) / 2;
    return { x: left + (x - box.left) * scale, y: top + (y - box.top) * scale, scale };
  }

  /** @param {number} factor @param {{x: number, y: number}} fixed */
  function zoom(factor, fixed) {
    const width = Math.min(home.width, Math.max(home.width / MOST, view.width / factor));
    const share = width / view.width;
    show({ x: fixed.x - (fixed.x - view.x) * share, y: fixed.y - (fixed.y - view.y) * share, width, height: 0 });
  }

  const middle = () => ({ x: view.x + view.width / 2, y: view.y + view.height / 2 });

  map.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? STEP : 1 / STEP, at(event.clientX, event.clientY));
  }, { passive: false });
  map.addEventListener("dblclick", (event) => {
    event.preventDefault();
    zoom(event.shiftKey ? 1 / STEP ** 3 : STEP ** 3, at(event.clientX, event.clientY));
  });

  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let moved = 0;
  map.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved = 0;
  });
  map.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
      const then = Math.hypot(before.x - other.x, before.y - other.y);
      if (then > 0) zoom(now / then, at((event.clientX + other.x) / 2, (event.clientY + other.y) / 2));
    } else if (view.width < home.width) {
      const { scale } = at(0, 0);
      show({ ...view, x: view.x - (event.clientX - before.x) * scale, y: view.y - (event.clientY - before.y) * scale });
    }
    moved += Math.hypot(event.clientX - before.x, event.clientY - before.y);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    map.addEventListener(end, (event) => fingers.delete(/** @type {PointerEvent} */ (event).pointerId));
  }
  // Who dragged did not mean the place beneath.
  map.addEventListener("click", (event) => { if (moved > 6) event.preventDefault(); }, true);
  map.addEventListener("dragstart", (event) => event.preventDefault());

  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey;
    if (typing || !map.matches(":hover, :focus-within")) return;
    const far = view.width / 8;
    /** @type {Record<string, () => void>} */
    const keys = {
      "+": () => zoom(STEP, middle()), "=": () => zoom(STEP, middle()), "-": () => zoom(1 / STEP, middle()), 0: () => show(home),
    };
    if (view.width < home.width) {
      keys.ArrowLeft = () => show({ ...view, x: view.x - far });
      keys.ArrowRight = () => show({ ...view, x: view.x + far });
      keys.ArrowUp = () => show({ ...view, y: view.y - far });
      keys.ArrowDown = () => show({ ...view, y: view.y + far });
    }
    const move = keys[event.key];
    if (move) {
      event.preventDefault();
      move();
    }
  });
}

if (map) movable(map);
