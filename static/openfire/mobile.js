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
