/* « + » in a cell with free time to come: it opens « Remplir un créneau » for that technician and day. */
"use strict";
(() => {
  if (!window.openfireBoard || window.openfireBoard.board.dataset.view === "month" || !window.openfireBoard.board.hasAttribute("data-may-fill")) return;
  const { board } = window.openfireBoard;
  const LEAST = 15; // minutes
  const iso = (moment) => `${moment.getFullYear()}-${String(moment.getMonth() + 1).padStart(2, "0")}-${String(moment.getDate()).padStart(2, "0")}`;

  function isFree(cell) {
    const now = new Date();
    const today = iso(now);
    if (!cell.dataset.free || cell.dataset.day < today) return false;
    const from = cell.dataset.day === today ? now.getHours() * 60 + now.getMinutes() : 0;
    return cell.dataset.free.split(" ").some((span) => { const [start, end] = span.split("-").map(Number); return end - Math.max(start, from) >= LEAST; });
  }

  function offer() {
    board.querySelectorAll("td.of-cell").forEach((cell) => {
      const head = cell.querySelector(".of-cell-head");
      if (!head || head.querySelector(".of-cell-fill") || !isFree(cell)) return;
      const link = Object.assign(document.createElement("a"), { className: "of-cell-fill", textContent: "+", tabIndex: -1, title: "Remplir un créneau (Entrée)", draggable: false });
      link.href = `${board.dataset.url}fill/?${new URLSearchParams({ technician: cell.dataset.technician, day: cell.dataset.day })}`;
      link.dataset.dialog = "";
      link.setAttribute("aria-label", `Remplir un créneau : ${cell.getAttribute("aria-label")}`);
      head.prepend(link);
    });
  }
  offer();
  document.addEventListener("board:cells", offer);
})();
