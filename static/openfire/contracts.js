/* « Nombre de visites » while one types: N for years, N × the months chosen for months. */
"use strict";
window.addEventListener("load", () => {
  const shown = document.querySelector(".field-visits_text .of-read");
  const repeat = document.querySelector('[name="repeat"]');
  const unit = document.querySelector('[name="repeat_unit"]');
  if (!shown || !repeat || !unit) return;
  const count = () => {
    const months = document.querySelectorAll('[name="visit_months"]:checked').length;
    const times = Number(repeat.value) || 0;
    shown.textContent = (!times || !months ? 0 : unit.value === "month" ? times * months : times) + " par an";
  };
  document.addEventListener("change", (event) => { if (event.target.closest("#page-planning")) count(); });
  repeat.addEventListener("input", count);
});
