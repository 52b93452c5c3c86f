/* What a technician types and has not sent yet stays on his phone: a link, a call, a lost network takes nothing away.
   It is forgotten once the server has it, or once the RDV is over. */
"use strict";
const end = document.getElementById("end");
const keyOf = (name) => `draft ${document.querySelector("[data-draft]").dataset.draft} ${name}`;
const words = (text) => text.trim().split(/\s+/).join(" ");
for (const name of ["report", "reason"]) {
  const box = end && end.elements[name];
  if (!box) { localStorage.removeItem(keyOf(name)); continue; }
  const shown = end.elements[`${name}_shown`].value; // what the server has
  const kept = JSON.parse(localStorage.getItem(keyOf(name)) || "null");
  if (kept && words(kept.text) !== words(shown)) {
    // a colleague on the same RDV wrote meanwhile: his words stay, before those
    box.value = words(kept.shown) === words(shown) ? kept.text : `${shown}\n${kept.text}`;
    if (box.closest("details")) box.closest("details").open = true;
  } else localStorage.removeItem(keyOf(name));
  box.addEventListener("input", () => localStorage.setItem(keyOf(name), JSON.stringify({ shown, text: box.value })));
}
// Quantities, as long as nobody changed the RDV: what was saved on a line of its own would be added again.
const boxes = end ? [...end.elements].filter((box) => box.name.startsWith("qty-")) : [];
for (const key of Object.keys(localStorage)) {
  if (key.startsWith(keyOf("qty-")) && !boxes.some((box) => key === keyOf(box.name))) localStorage.removeItem(key);
}
for (const box of boxes) {
  const version = end.elements.version.value;
  const kept = JSON.parse(localStorage.getItem(keyOf(box.name)) || "null");
  if (kept && kept.version === version) box.value = kept.text;
  else localStorage.removeItem(keyOf(box.name));
  box.addEventListener("input", () => localStorage.setItem(keyOf(box.name), JSON.stringify({ version, text: box.value })));
}
