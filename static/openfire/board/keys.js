/* The board by keyboard: arrows go from cell to cell and to their cards, Enter opens; M moves, C copies, A adds the
   technician of a row, F changes the end; M on a row of the list places it. Arrows then choose, Enter does, Escape gives up. */
"use strict";
(() => {
  if (!window.openfireBoard || !window.openfireBoard.dropped) return;
  const { board, dropped, firstFree, clock, say, send, START, END, STEP } = window.openfireBoard;
  const isDay = board.dataset.view === "day";
  const may = (name) => board.hasAttribute(`data-may-${name}`);
  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const KEYS = { m: "move", c: "copy", a: "add", f: "end" };
  const WORDS = { move: "Déplacer", copy: "Copier", add: "Ajouter", end: "Fin", place: "Placer" };
  let act = null; // { name, find, cell, start, end }: what is being done to which card or row, where it would fall
  const label = Object.assign(document.createElement("div"), { className: "of-drag-label", hidden: true });
  document.body.append(label);

  const target = () => document.getElementById(act.cell); // looked up: others' changes replace cells
  const rows = () => Array.from(board.tBodies[0].rows).map((row) => Array.from(row.querySelectorAll("td.of-cell")));
  const cardsOf = (cell) => Array.from(cell.querySelectorAll(".of-rdv"));

  function beside(cell, [down, right]) {
    const table = rows();
    const y = table.findIndex((row) => row.includes(cell));
    const x = table[y].indexOf(cell);
    const row = table[Math.max(0, Math.min(table.length - 1, y + down))];
    return row[Math.max(0, Math.min(row.length - 1, x + right))];
  }

  function show(element) { element.focus({ preventScroll: true }); element.scrollIntoView({ block: "nearest", inline: "nearest" }); }

  /* Up and down pass through the cards of a cell before they leave it. */
  function go(at, key) {
    const cell = at.closest("td.of-cell");
    if (key === "ArrowDown" || key === "ArrowUp") {
      const stops = [cell, ...cardsOf(cell)];
      const next = stops[stops.indexOf(at) + (key === "ArrowDown" ? 1 : -1)];
      if (next) { show(next); return; }
      const other = beside(cell, ARROWS[key]);
      if (other === cell) return;
      show(key === "ArrowUp" ? cardsOf(other).pop() || other : other);
      return;
    }
    show(beside(cell, ARROWS[key]));
  }

  /* The hour that would be taken: in the day the one that was chosen, elsewhere the first free place. */
  function hourIn(cell) {
    const source = act.find();
    if (isDay && act.start !== null) return act.start;
    const isCard = act.name !== "place";
    const length = isCard ? Number(source.dataset.end) - Number(source.dataset.start) : Number(source.dataset.minutes);
    return firstFree(cell, length, isCard ? source : null, act.name === "add");
  }

  function aim(cell) {
    board.querySelectorAll("td.is-target").forEach((one) => one.classList.remove("is-target"));
    act.cell = cell.id;
    cell.classList.add("is-target");
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    tell();
  }

  function tell() {
    const cell = target();
    const hour = act.name === "end" ? act.end : hourIn(cell);
    const text = act.name === "end" ? `→ ${clock(act.end)}` : hour === null ? "pas de place libre" : clock(hour);
    say(act.name === "end" ? `Fin : ${clock(act.end)}` : `${cell.getAttribute("aria-label")}, ${text}`);
    const bar = isDay && hour !== null ? cell.querySelector(".of-bar").getBoundingClientRect() : null;
    const box = cell.getBoundingClientRect();
    label.textContent = act.name === "move" || act.name === "end" ? text : `${WORDS[act.name]} ${text}`;
    label.hidden = false;
    label.style.transform = `translate(${bar ? bar.left + ((hour - START) / (END - START)) * bar.width : box.left + 8}px, ${box.top - 4}px)`;
  }

  function giveUp() {
    board.querySelectorAll("td.is-target").forEach((one) => one.classList.remove("is-target"));
    act = null;
    label.hidden = true;
    board.classList.remove("is-moving");
  }

  function begin(name, find, cell, hour) {
    act = { name, find, cell: null, start: isDay && name !== "place" ? hour : null, end: hour };
    board.classList.add("is-moving");
    aim(cell);
    if (name === "place" && isDay) act.start = hourIn(cell) ?? 8 * 60;
    const ways = name === "end" ? "flèches pour changer l'heure" : isDay ? "flèches pour choisir la ligne et l'heure" : "flèches pour choisir la case";
    say(`${WORDS[name]} : ${ways}, Entrée pour ${name === "end" ? "garder" : "poser"}, Échap pour renoncer. ${label.textContent}`);
  }

  /* An arrow while something is being done. With Shift, hours move by a whole one. */
  function turn(event) {
    const [down, right] = ARROWS[event.key];
    const step = event.shiftKey ? 60 : STEP;
    if (act.name === "end") { act.end = Math.max(Number(act.find().dataset.start) + STEP, Math.min(act.end + (right || down) * step, 24 * 60)); tell(); return; }
    if (isDay && right) { act.start = Math.max(0, Math.min((act.start ?? 8 * 60) + right * step, 24 * 60 - STEP)); tell(); return; }
    aim(beside(target(), [down, right]));
  }

  function finish() {
    const { name, start, end } = act;
    const [source, cell] = [act.find(), target()];
    const id = cell.id;
    giveUp();
    if (!source) return;
    const at = cell.getBoundingClientRect();
    if (name === "end") {
      if (end !== Number(source.dataset.end)) send(`appointments/${source.dataset.rdv}/resize/`, { day: cell.dataset.day, end, seen: source.dataset.version }, { x: at.left, y: at.bottom });
      return;
    }
    const isHere = name === "move" && source.closest("td") === cell && (!isDay || start === Number(source.dataset.start));
    if (isHere) return;
    const pk = source.dataset.rdv;
    dropped(source, cell, isDay ? start : null, { ctrlKey: name === "add", altKey: name === "copy" }).then((isDone) => {
      const now = isDone && document.getElementById(id);
      if (now) show((name !== "copy" && now.querySelector(`[data-rdv="${pk}"]`)) || now);
    });
  }

  board.addEventListener("keydown", (event) => {
    const at = event.target.closest(".of-rdv, td.of-cell");
    if (!at || event.altKey || event.metaKey || event.ctrlKey) return;
    if (act) {
      if (!act.find()) { giveUp(); say("Ce RDV n'est plus là."); return; }
      if (ARROWS[event.key]) { event.preventDefault(); turn(event); return; }
      if (event.key === "Escape") { event.preventDefault(); const back = act.find(); giveUp(); say("Rien ne change."); back.focus({ preventScroll: true }); return; }
      if (event.key === "Enter") { event.preventDefault(); finish(); }
      return;
    }
    if (ARROWS[event.key]) { event.preventDefault(); go(at, event.key); return; }
    const name = KEYS[event.key.toLowerCase()];
    if (name && at.matches(".of-rdv") && board.dataset.view !== "month" && may(name === "copy" ? "add" : "change")) {
      event.preventDefault();
      const { id } = at;
      begin(name, () => document.getElementById(id), at.closest("td"), Number(name === "end" ? at.dataset.end : at.dataset.start));
      return;
    }
    if (event.key === "Enter" && at.matches("td.of-cell")) { const first = cardsOf(at)[0] || at.querySelector(".of-cell-fill"); if (first) { event.preventDefault(); first.click(); } }
  });

  /* M on a row of the list: it is placed by the arrows of the board. */
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest(".of-wait-row");
    if (!row || event.key.toLowerCase() !== "m" || event.altKey || event.metaKey || event.ctrlKey) return;
    if (!may(row.dataset.kind === "intervention" ? "add" : "change")) return;
    event.preventDefault();
    const named = `.of-wait-row[data-wait="${row.dataset.wait}"][data-kind="${row.dataset.kind}"]`;
    const cell = board.querySelector("td.of-cell[tabindex='0']") || board.querySelector("td.of-cell");
    cell.focus({ preventScroll: true });
    begin("place", () => document.querySelector(named), cell, null);
  });

  /* One cell of the board is reached by Tab, the last one that had the focus; the arrows do the rest. */
  const enter = () => {
    board.querySelectorAll(".of-rdv").forEach((card) => { card.tabIndex = -1; });
    const first = board.querySelector("td.of-cell"); if (first && !board.querySelector("td.of-cell[tabindex='0']")) first.tabIndex = 0;
  };
  enter();
  document.addEventListener("board:cells", enter);
})();
