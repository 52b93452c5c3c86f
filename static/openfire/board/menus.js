/* The menus of the board: of a row, beside its name; of a cell, by its « … », its right click or the key of menus. */
"use strict";
(() => {
  if (!window.openfireBoard) return;
  const { board } = window.openfireBoard;
  const closeRows = (but) => board.querySelectorAll(".of-row-menu[open]").forEach((menu) => { if (menu !== but) menu.open = false; });
  document.addEventListener("click", (event) => { const menu = event.target.closest(".of-row-menu"); closeRows(event.target.closest("a") ? null : menu); });
  board.addEventListener("keydown", (event) => {
    const menu = event.target.closest(".of-row-menu[open]");
    if (!menu || event.key !== "Escape") return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  /* Order of the rows and zoom: at once on the page, kept by the server. */
  const kept = document.getElementById("board-kept");
  const { notice } = window.openfire;
  function rename() {
    const all = Array.from(board.tBodies[0].rows, (row) => [row, row.querySelector("td.of-cell").dataset.technician]);
    all.forEach(([row, pk], index) => {
      const [up, down] = row.querySelectorAll("button[name=move]");
      up.value = index ? `${pk}.${all[index - 1][1]}` : "";
      down.value = index + 1 < all.length ? `${all[index + 1][1]}.${pk}` : "";
      [up, down].forEach((one) => { one.hidden = !one.value; });
    });
  }
  /* One after the other: each begins with what those before left. */
  let sending = Promise.resolve();
  let left = 0;
  function send(body) {
    left += 1;
    board.setAttribute("aria-busy", "true");
    sending = sending.then(() => fetch(kept.action, { method: "POST", headers: { "X-Requested-With": "fetch" }, body })).then((answer) => {
      if (answer.redirected && answer.url.includes("/login/")) window.openfireSession.whenOpen(() => send(body), () => {});
      else if (!answer.ok) notice("Cet affichage n'est pas gardé : rechargez la page, puis recommencez.");
    }).catch(() => notice("Le serveur ne répond pas : cet affichage n'est pas gardé. Vérifiez le réseau, puis recommencez.")).finally(() => {
      left -= 1;
      if (!left) board.removeAttribute("aria-busy");
    });
  }
  kept.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const { name, value } = event.submitter;
    const body = new FormData(kept, event.submitter);
    if (name === "zoom") {
      board.dataset.zoom = value;
      document.querySelectorAll("[name=zoom]").forEach((one) => one.setAttribute("aria-pressed", one === event.submitter));
    } else {
      const [above, below] = value.split(".").map((pk) => board.querySelector(`td.of-cell[data-technician="${pk}"]`).closest("tr"));
      below.before(above);
      rename();
      const menu = event.submitter.closest(".of-row-menu");
      menu.querySelector(event.submitter.hidden ? "button:not([hidden])" : `button[value="${event.submitter.value}"]`).focus();
    }
    send(body);
  });
  const rowsPanel = document.querySelector(".of-board-rows");
  document.addEventListener("click", (event) => { if (rowsPanel.open && !rowsPanel.contains(event.target)) rowsPanel.open = false; });
  rowsPanel.addEventListener("keydown", (event) => { if (event.key === "Escape") { rowsPanel.open = false; rowsPanel.querySelector("summary").focus(); } });

  /* What may be done in a cell. */
  const may = (name) => board.hasAttribute(`data-may-${name}`);
  const ENTRIES = [
    ["fill/", "Remplir un créneau", "playlist_add", (cell) => cell.querySelector(".of-cell-fill")],
    ["absent/", "Absent ce jour-là", "event_busy", () => may("absent")],
    ["sectors/", "Assigner un secteur", "map", () => may("sectors")],
    ["tour/", "Tournée du jour", "route", (cell) => cell.dataset.day],
  ];
  const OF_A_DAY = ["fill/", "tour/"];
  const list = Object.assign(document.createElement("nav"), { className: "of-menu-list of-cell-menu-list", popover: "auto" });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "of-cell-menu", textContent: "…", tabIndex: -1 });
  document.body.append(list);
  let owner = null; // id of the cell whose menu is open

  function entryOf(cell, [path, label, icon]) {
    const values = OF_A_DAY.includes(path) ? { technician: cell.dataset.technician, day: cell.dataset.day } : { technician: cell.dataset.technician, first: cell.dataset.day, last: cell.dataset.day };
    const link = Object.assign(document.createElement("a"), { href: `${board.dataset.url}${path}?${new URLSearchParams(values)}` });
    if (path !== "tour/") link.dataset.dialog = "";
    const sign = Object.assign(document.createElement("span"), { className: "material-symbols-outlined", textContent: icon });
    sign.setAttribute("aria-hidden", "true");
    link.append(sign, label);
    return link;
  }

  function open(cell) {
    const entries = ENTRIES.filter(([, , , isOffered]) => isOffered(cell));
    if (!entries.length) return;
    owner = cell.id;
    list.setAttribute("aria-label", cell.getAttribute("aria-label"));
    list.replaceChildren(...entries.map((entry) => entryOf(cell, entry)));
    list.showPopover();
    const [around, box] = [cell.getBoundingClientRect(), list.getBoundingClientRect()];
    list.style.left = `${Math.max(8, Math.min(around.right - box.width, window.innerWidth - box.width - 8))}px`;
    list.style.top = `${Math.max(8, Math.min(around.bottom - 4, window.innerHeight - box.height - 8))}px`;
    list.querySelector("a").focus();
  }

  list.addEventListener("click", (event) => { if (event.target.closest("a")) list.hidePopover(); });
  list.addEventListener("toggle", (event) => { const cell = event.newState === "closed" && owner && document.getElementById(owner); if (cell && document.activeElement === document.body) cell.focus({ preventScroll: true }); });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const links = Array.from(list.children);
    links[(links.indexOf(document.activeElement) + step + links.length) % links.length].focus();
  });

  /* One « … » for the whole board: it stands in the cell that is pointed at. */
  board.addEventListener("pointerover", (event) => {
    const cell = event.target.closest("td.of-cell");
    if (!cell || button.parentElement === cell || board.querySelector(".is-dragged")) return;
    button.setAttribute("aria-label", `Menu : ${cell.getAttribute("aria-label")}`);
    cell.append(button);
  });
  button.addEventListener("click", () => open(button.closest("td.of-cell")));
  board.addEventListener("contextmenu", (event) => {
    const cell = event.target.closest("td.of-cell");
    if (!cell || event.target.closest(".of-rdv") || event.defaultPrevented) return;
    event.preventDefault();
    open(cell);
  });
  board.addEventListener("keydown", (event) => {
    if (!event.target.matches("td.of-cell") || !(event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey))) return;
    event.preventDefault();
    open(event.target);
  });
})();
