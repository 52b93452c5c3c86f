/* Beside a box that names records by their code: the name of the chosen one. */
"use strict";
(() => {
  window.openfire.element("of-code", (box) => {
    const [select, name] = [box.querySelector("select"), box.querySelector("small")];
    const show = () => { const chosen = select.selectedOptions[0]; name.textContent = (chosen && chosen.dataset.name) || ""; };
    select.addEventListener("input", show);
    select.addEventListener("change", show);
    show();
  });
})();
