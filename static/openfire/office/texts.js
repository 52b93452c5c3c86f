/* The box of a text message: its variables are put in by a click, and its letters are counted while it is typed. */
"use strict";
(() => {
  const { all, element, tell } = window.openfire;
  const BASIC = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");
  const EXTENDED = new Set("\f^{}\\[~]|€");

  /* As openfire_billing/kernel/text_messages.py. Variables count as they are typed: the preview counts what leaves. */
  function sizeOf(text) {
    const letters = Array.from(text);
    const isCostly = letters.some((letter) => !BASIC.has(letter) && !EXTENDED.has(letter));
    const widths = letters.map((letter) => (isCostly ? letter.length : EXTENDED.has(letter) ? 2 : 1));
    const units = widths.reduce((sum, width) => sum + width, 0);
    const [alone, joined] = isCostly ? [70, 67] : [160, 153];
    if (units <= alone) return { units, parts: units ? 1 : 0, isCostly };
    let [parts, room] = [1, joined];
    widths.forEach((width) => { if (width > room) { parts += 1; room = joined; } room -= width; });
    return { units, parts, isCostly };
  }

  element("of-text", (box) => {
    const area = box.querySelector("textarea");
    const shown = box.querySelector("[data-size]");
    const count = () => {
      const { units, parts, isCostly } = sizeOf(area.value);
      shown.textContent = units ? `${units} caractères, ${parts} SMS${isCostly ? " : des lettres coûteuses le rallongent" : ""}` : "";
    };
    area.addEventListener("input", count);
    box.addEventListener("click", (event) => {
      const button = event.target.closest("[data-variable]");
      if (!button) return;
      area.setRangeText(button.dataset.variable, area.selectionStart, area.selectionEnd, "end");
      area.focus();
      tell(area);
    });
    const template = box.closest("form") && all(box.closest("form"), "select").find((select) => select.name.endsWith("-template"));
    const put = () => {
      const chosen = template.selectedOptions[0];
      if (chosen && chosen.dataset.body !== undefined) { area.value = chosen.dataset.body; tell(area); }
    };
    if (template) template.addEventListener("change", put);
    count();
    return () => { if (template) template.removeEventListener("change", put); };
  });
})();
