/* Lists: the text that an ellipsis hides, the whole line as a link, and the keyboard. */
(() => {
  "use strict";
  /* In a form, Alt+PageUp and Alt+PageDown go to the record before and after in the list. */
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || !["PageUp", "PageDown"].includes(event.key)) return;
    const way = document.querySelector(`.of-neighbours [rel=${event.key === "PageUp" ? "prev" : "next"}]`);
    if (way) { event.preventDefault(); way.click(); }
  });

  function setUpList(list) {
    const rows = Array.from(list.querySelectorAll("tbody tr.data-row"));
    const link = (row) => row.querySelector("th a[href], td a[href]");
    const box = (row) => row.querySelector("input.action-select");
    let at = -1;

    list.addEventListener("mouseover", (event) => {
      const cell = event.target.closest("td, th");
      if (!cell || cell.title) return;
      const inner = cell.querySelector("a") || cell;
      if (cell.scrollWidth > cell.clientWidth || inner.scrollWidth > inner.clientWidth) cell.title = cell.textContent.trim().replace(/\s+/g, " ");
    });

    list.addEventListener("click", (event) => {
      const row = event.target.closest("tr.data-row");
      if (!row || event.target.closest("a, input, label, button, .action-checkbox") || String(window.getSelection())) return;
      const way = link(row);
      if (way && !way.dataset.popupOpener) way.click();
    });

    /* How many are ticked stands before what can be done with them. */
    const said = document.querySelector("[data-ticked]");
    const count = () => {
      const ticked = list.querySelectorAll("input.action-select:checked").length;
      if (said) said.textContent = ticked > 1 ? `${ticked} lignes cochées` : ticked ? "1 ligne cochée" : "";
    };
    list.addEventListener("change", () => setTimeout(count, 0));
    list.addEventListener("click", () => setTimeout(count, 0));
    document.addEventListener("click", (event) => { if (event.target.closest(".of-many")) setTimeout(count, 0); });
    window.addEventListener("pageshow", count);

    function go(to) {
      if (!rows.length) return;
      if (rows[at]) rows[at].classList.remove("is-at");
      at = Math.max(0, Math.min(rows.length - 1, to));
      rows[at].classList.add("is-at");
      const way = link(rows[at]);
      if (way) way.focus({ preventScroll: true });
      rows[at].scrollIntoView({ block: "nearest" });
    }
    list.addEventListener("focusin", (event) => {
      const row = event.target.closest("tr.data-row");
      if (row && rows[at] !== row) { if (rows[at]) rows[at].classList.remove("is-at"); at = rows.indexOf(row); row.classList.add("is-at"); }
    });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const typing = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
      if (typing) return;
      if (event.key === "j") { event.preventDefault(); go(at + 1); }
      if (event.key === "k") { event.preventDefault(); go(at - 1); }
      if (event.key === "x" && rows[at] && box(rows[at])) { event.preventDefault(); box(rows[at]).click(); }
      if (event.key === "Enter" && rows[at] && !event.target.closest("a, button, summary") && link(rows[at])) { event.preventDefault(); link(rows[at]).click(); }
    });
  }
  /* Columns chosen: kept in this browser; the server leaves out the others from the first paint. */
  function setUpColumns(menu) {
    const boxes = Array.from(menu.querySelectorAll("[data-column]"));
    menu.addEventListener("change", () => {
      const hidden = boxes.filter((box) => !box.checked).map((box) => box.dataset.column);
      document.getElementById("hidden-columns").textContent = hidden.map((name) => `#result_list :is(.field-${name}, .column-${name}) { display: none; }`).join("");
      document.cookie = `${menu.dataset.columns}=${hidden.join(".")}; path=${window.location.pathname}; max-age=${hidden.length ? 31536000 : 0}; samesite=lax`;
    });
  }

  /* A menu of the list closes when something else is pressed, or by Escape. */
  const closeMenus = (but) => document.querySelectorAll(".of-period[open]").forEach((menu) => { if (menu !== but) menu.open = false; });
  document.addEventListener("click", (event) => closeMenus(event.target.closest(".of-period")));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeMenus(null); });

  /* What a narrow column cuts is read whole under the pointer. */
  document.addEventListener("mouseover", (event) => {
    const cell = event.target.closest("#result_list tbody :is(th, td)");
    if (!cell) return;
    const isCut = [cell, ...cell.querySelectorAll("a")].some((one) => one.scrollWidth > one.clientWidth + 1);
    if (isCut) cell.title = cell.textContent.trim();
  });

  const start = () => {
    const menu = document.querySelector("[data-columns]");
    if (menu) setUpColumns(menu);
    const chip = document.querySelector(".of-chips > .is-chosen, .of-chips > :has(> .is-chosen)");
    if (chip) window.openfire.reveal(chip.parentElement, chip);
    const list = document.getElementById("result_list");
    if (list) setUpList(list);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
