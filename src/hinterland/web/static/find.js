// "/" leads to the search box, from everywhere but a field that is being written in.
// @ts-check
const box = /** @type {HTMLInputElement | null} */ (document.querySelector("#find"));

document.addEventListener("keydown", (event) => {
  const writing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [contenteditable]");
  if (!box || event.key !== "/" || writing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  box.focus();
  box.select();
});
