/* « Visites du mois »: the button says how many visits are ticked. */
"use strict";
window.openfire.element("of-visits", (page) => {
  const count = page.querySelector("[data-count]");
  if (!count) return undefined;
  const button = count.closest("button");
  const tell = () => {
    const ticked = page.querySelectorAll("[name=visit]:checked").length;
    count.textContent = ticked;
    button.disabled = ticked === 0;
  };
  page.addEventListener("change", tell);
  tell(); // a browser keeps the boxes of a page that is reloaded
  return undefined;
});
