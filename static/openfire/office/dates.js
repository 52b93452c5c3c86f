/* Boxes of days and hours: what is typed is completed, and a calendar opens beside. */
"use strict";
(() => {
  const { element, tell } = window.openfire;
  const MONTH = new Intl.DateTimeFormat("fr-FR", { month: "long", year: "numeric" });
  const LONG = new Intl.DateTimeFormat("fr-FR", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const two = (number) => String(number).padStart(2, "0");
  const dayText = (day) => `${two(day.getDate())}/${two(day.getMonth() + 1)}/${day.getFullYear()}`;
  const isSame = (one, other) => one && other && dayText(one) === dayText(other);

  /* A day as people type it: 24/11/2026, 24/11/26, 24/11, 24, 241126, 2026-11-24, +7. Null for anything else. */
  function readDay(text) {
    const today = new Date();
    const later = text.match(/^\+(\d{1,3})$/);
    if (later) return new Date(today.getFullYear(), today.getMonth(), today.getDate() + Number(later[1]));
    const found = text.match(/^(\d{4})-(\d{2})-(\d{2})$/) || text.match(/^(\d{1,2})(?:[/. -](\d{1,2})(?:[/. -](\d{4}|\d{2}))?)?$/) || text.match(/^(\d{2})(\d{2})(\d{4}|\d{2})?$/);
    if (!found) return null;
    const [day, month, year] = found[1].length === 4 ? [found[3], found[2], found[1]] : found.slice(1);
    const years = year === undefined ? today.getFullYear() : year.length === 2 ? 2000 + Number(year) : Number(year);
    const read = new Date(years, month === undefined ? today.getMonth() : Number(month) - 1, Number(day));
    return read.getDate() === Number(day) && (month === undefined || read.getMonth() === Number(month) - 1) ? read : null;
  }

  /* An hour as people type it: 9, 9h, 9h30, 9:30, 930. Null for anything else. */
  function readHour(text) {
    const found = text.match(/^(\d{1,2})\s*(?:[h:]\s*(\d{2})?)?$/i) || text.match(/^(\d{1,2})(\d{2})$/);
    return found && Number(found[1]) < 24 && Number(found[2] || 0) < 60 ? `${two(Number(found[1]))}:${found[2] || "00"}` : null;
  }

  const change = (input, value) => {
    if (input.value === value) return;
    input.value = value;
    tell(input);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  function setUpDay(box) {
    const input = box.querySelector("input");
    if (!input || input.disabled || input.readOnly) return;
    const split = () => { const [day, ...hour] = input.value.trim().split(/\s+/); return [day || "", hour.join("")]; };
    const valueOf = (day, hour) => dayText(day) + (box.dataset.hour ? ` ${readHour(hour) || "08:00"}` : "");

    input.addEventListener("blur", () => {
      const [text, hour] = split();
      const day = text ? readDay(text) : null;
      if (day && (!hour || readHour(hour))) change(input, valueOf(day, hour));
    });

    const opener = Object.assign(document.createElement("button"), { type: "button", className: "of-calendar-open", title: "Calendrier" });
    opener.tabIndex = -1;
    opener.innerHTML = '<span class="material-symbols-outlined" aria-hidden="true">calendar_month</span><span class="sr-only">Ouvrir le calendrier</span>';
    const panel = Object.assign(document.createElement("div"), { className: "of-calendar", popover: "auto" });
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-label", "Calendrier");
    box.append(opener, panel);
    let shown = new Date();

    const button = (label, run, css = "") => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: label, className: css });
      made.addEventListener("click", run);
      return made;
    };
    const pick = (day) => { change(input, valueOf(day, split()[1])); panel.hidePopover(); input.focus(); };
    function draw(takesFocus) {
      const chosen = readDay(split()[0]);
      const head = Object.assign(document.createElement("div"), { className: "of-calendar-head" });
      const move = (months) => () => { shown = new Date(shown.getFullYear(), shown.getMonth() + months, 1); draw(false); };
      const title = Object.assign(document.createElement("b"), { textContent: MONTH.format(shown) });
      title.setAttribute("aria-live", "polite");
      const [before, after] = [button("‹", move(-1)), button("›", move(1))];
      before.setAttribute("aria-label", "Mois précédent");
      after.setAttribute("aria-label", "Mois suivant");
      head.append(before, title, after);
      const grid = Object.assign(document.createElement("div"), { className: "of-calendar-days" });
      ["L", "M", "M", "J", "V", "S", "D"].forEach((name) => grid.append(Object.assign(document.createElement("span"), { textContent: name })));
      const first = new Date(shown.getFullYear(), shown.getMonth(), 1);
      const start = 1 - ((first.getDay() + 6) % 7);
      for (let cell = 0; cell < 42; cell += 1) {
        const day = new Date(shown.getFullYear(), shown.getMonth(), start + cell);
        const made = button(String(day.getDate()), () => pick(day), day.getMonth() === shown.getMonth() ? "" : "is-other");
        made.setAttribute("aria-label", LONG.format(day));
        made.tabIndex = isSame(day, shown) ? 0 : -1;
        if (isSame(day, new Date())) made.setAttribute("aria-current", "date");
        if (isSame(day, chosen)) made.setAttribute("aria-pressed", "true");
        grid.append(made);
      }
      panel.replaceChildren(head, grid, button("Aujourd'hui", () => pick(new Date()), "of-calendar-today"));
      if (takesFocus) panel.querySelector('.of-calendar-days [tabindex="0"]').focus();
    }
    function open() {
      shown = readDay(split()[0]) || new Date();
      draw(false);
      panel.showPopover();
      const at = input.getBoundingClientRect();
      const below = at.bottom + panel.offsetHeight + 8 < window.innerHeight;
      panel.style.top = `${below ? at.bottom + 4 : Math.max(4, at.top - panel.offsetHeight - 4)}px`;
      panel.style.left = `${Math.max(4, Math.min(at.left, window.innerWidth - panel.offsetWidth - 4))}px`;
      panel.querySelector('.of-calendar-days [tabindex="0"]').focus();
    }
    opener.addEventListener("click", open);
    input.addEventListener("keydown", (event) => { if (event.altKey && event.key === "ArrowDown") { event.preventDefault(); open(); } });
    panel.addEventListener("keydown", (event) => {
      const days = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
      const months = { PageUp: -1, PageDown: 1 }[event.key];
      if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); panel.hidePopover(); input.focus(); return; }
      if (!days && !months) return;
      event.preventDefault();
      shown = new Date(shown.getFullYear(), shown.getMonth() + (months || 0), shown.getDate() + (days || 0));
      draw(true);
    });
  }

  element("of-date", setUpDay);
  element("of-hour", (box) => {
    const input = box.querySelector("input");
    input.addEventListener("blur", () => { const hour = readHour(input.value.trim()); if (hour) change(input, hour); });
  });
})();
