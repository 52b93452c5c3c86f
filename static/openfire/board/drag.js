/* Dragging on the board: cards to another row, day or hour, by their edge to another end; rows of the list into a cell. */
"use strict";
(() => {
  if (!window.openfireBoard) return;
  const { board, send, hold, say } = window.openfireBoard;
  const { notice } = window.openfire;
  const mayChange = board.hasAttribute("data-may-change");
  const mayAdd = board.hasAttribute("data-may-add");
  const LONG_PRESS = 400;
  const STEP = 15; // minutes
  const START = 7 * 60; // of the bar of a day
  const END = 20 * 60;
  const clock = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  const cellAt = (x, y) => { const found = document.elementFromPoint(x, y); const cell = found && found.closest("#board td.of-cell"); return cell || null; };
  const snapped = (minutes) => Math.round(minutes / STEP) * STEP;
  let drag = null;
  let chosen = new Set(); // keys « id of the RDV » of the cards chosen with Shift

  /* The free time of a cell as [start, end] in minutes, that which an RDV takes of it counted in. */
  function freeOf(cell, rdv) {
    const spans = cell.dataset.free.split(" ").filter(Boolean).map((span) => span.split("-").map(Number));
    cell.querySelectorAll(".of-rdv").forEach((card) => { if (rdv && card.dataset.rdv === rdv) spans.push([Number(card.dataset.start), Number(card.dataset.end)]); });
    return spans.sort((a, b) => a[0] - b[0]).reduce((whole, [start, end]) => {
      const last = whole[whole.length - 1];
      if (last && start <= last[1]) last[1] = Math.max(last[1], end); else whole.push([start, end]);
      return whole;
    }, []);
  }

  /* The first free place of a cell that is as long, or the first one: what the server will take. The other technicians of
     the RDV are free then too, those whose rows are shown. */
  function firstFree(cell, length, own, isAdded) {
    const rdv = own && own.dataset.rdv;
    const others = new Set();
    if (rdv) board.querySelectorAll(`.of-rdv[data-rdv="${rdv}"]`).forEach((card) => { const who = card.closest("td").dataset.technician; if (isAdded || who !== own.closest("td").dataset.technician) others.add(who); });
    others.delete(cell.dataset.technician);
    const spans = Array.from(others).map((who) => document.getElementById(`c-${who}-${cell.dataset.day}`)).filter(Boolean).reduce(
      (kept, other) => kept.flatMap(([start, end]) => freeOf(other, rdv).map(([from, to]) => [Math.max(start, from), Math.min(end, to)]).filter(([from, to]) => from < to)),
      freeOf(cell, rdv),
    );
    const fit = spans.find(([start, end]) => end - Math.ceil(start / STEP) * STEP >= length) || spans[0];
    return fit ? Math.ceil(fit[0] / STEP) * STEP : null;
  }

  /* The hour under the pointer on the bar of a day. `grabbed`: minutes between the start of the card and the pointer. */
  function hourAt(cell, x, grabbed) {
    const bar = cell.querySelector(".of-bar").getBoundingClientRect();
    const minutes = START + ((x - bar.left) / bar.width) * (END - START) - grabbed;
    return Math.max(0, Math.min(snapped(minutes), 24 * 60 - STEP));
  }

  function begin(event, source) {
    const box = source.getBoundingClientRect();
    const isWait = source.hasAttribute("data-wait");
    const edge = !isWait && event.target.closest(".of-grip");
    const isDay = board.dataset.view === "day";
    const length = isWait ? Number(source.dataset.minutes) : Number(source.dataset.end) - Number(source.dataset.start);
    let grabbed = 0;
    if (isDay && !isWait) { const bar = source.closest(".of-bar").getBoundingClientRect(); grabbed = START + ((event.clientX - bar.left) / bar.width) * (END - START) - Number(source.dataset.start); }
    drag = { source, isWait, edge: Boolean(edge), isDay, length, grabbed, pointer: event.pointerId, x0: event.clientX, y0: event.clientY, x: event.clientX, y: event.clientY, box, isOn: false, cell: null, start: null, end: null };
  }

  function start() {
    drag.isOn = true;
    hold(drag.isWait ? null : drag.source);
    drag.source.classList.add("is-dragged");
    if (drag.source.isConnected) drag.source.setPointerCapture(drag.pointer); // its cursor shows everywhere; nothing else is styled again
    drag.label = Object.assign(document.createElement("div"), { className: "of-drag-label" });
    document.body.append(drag.label);
    if (!drag.edge) {
      drag.ghost = drag.source.cloneNode(true);
      drag.ghost.removeAttribute("id");
      drag.ghost.classList.remove("is-dragged");
      drag.ghost.className += " of-drag-ghost";
      drag.ghost.style.width = `${Math.min(drag.box.width, 240)}px`;
      document.body.append(drag.ghost);
    }
    follow(drag.x, drag.y, {});
  }

  function follow(x, y, keys) {
    drag.x = x;
    drag.y = y;
    const cell = drag.edge ? drag.source.closest("td") : cellAt(x, y); // before anything is written, which would be laid out first
    if (drag.ghost) drag.ghost.style.transform = `translate(${x + 6}px, ${y + 6}px)`;
    drag.label.style.transform = `translate(${x + 14}px, ${y - 26}px)`;
    if (drag.cell !== cell) { if (drag.cell) drag.cell.classList.remove("is-target"); if (cell) cell.classList.add("is-target"); drag.cell = cell; }
    if (!cell) { drag.label.textContent = "Hors du planning : rien ne change"; return; }
    if (drag.edge) {
      const from = Number(drag.source.dataset.end);
      const moved = drag.isDay ? ((x - drag.x0) / cell.querySelector(".of-bar").getBoundingClientRect().width) * (END - START) : (y - drag.y0) * (STEP / 8);
      drag.end = Math.max(Number(drag.source.dataset.start) + STEP, Math.min(from + snapped(moved), 24 * 60));
      drag.label.textContent = `→ ${clock(drag.end)}`;
      return;
    }
    drag.start = drag.isDay ? hourAt(cell, x, drag.isWait ? 0 : drag.grabbed) : firstFree(cell, drag.length, drag.isWait ? null : drag.source, keys.ctrlKey);
    const act = keys.altKey && !drag.isWait ? "Copier " : keys.ctrlKey && !drag.isWait ? "Ajouter " : "";
    drag.label.textContent = act + (drag.start === null ? "pas de place libre" : clock(drag.start));
  }

  /* The board scrolls while a card is held near its edges. */
  function scrollNearEdges() {
    if (!drag || !drag.isOn) return;
    const around = board.closest(".of-board-scroll");
    const box = around.getBoundingClientRect();
    if (drag.x > box.right - 30) around.scrollLeft += 12; else if (drag.x < box.left + 30) around.scrollLeft -= 12;
    if (drag.y > window.innerHeight - 40) window.scrollBy(0, 12); else if (drag.y < 40) window.scrollBy(0, -12);
    requestAnimationFrame(scrollNearEdges);
  }

  function stop() {
    if (!drag) return;
    if (drag.cell) drag.cell.classList.remove("is-target");
    drag.source.classList.remove("is-dragged");
    [drag.ghost, drag.label].forEach((one) => one && one.remove());
    hold(null);
    drag = null;
  }

  /* What a drop asks of the server, of one card in one cell. */
  function dropped(source, cell, start, keys) {
    const at = cell.getBoundingClientRect();
    const place = { to: cell.dataset.technician, day: cell.dataset.day };
    if (start !== null && start !== undefined) place.start = start;
    if (source.hasAttribute("data-wait")) {
      const seen = { ...place, seen: source.dataset.version };
      const path = source.dataset.kind === "intervention" ? `interventions/${source.dataset.wait}/place/` : `appointments/${source.dataset.wait}/move/`;
      return send(path, seen, { x: at.left + 8, y: at.top + 24 });
    }
    const own = source.closest("td").dataset;
    const values = { ...place, leaving: own.technician, from_day: own.day, seen: source.dataset.version };
    if (keys.ctrlKey) values.add = "1";
    if (keys.altKey) values.copy = "1";
    return send(`appointments/${source.dataset.rdv}/move/`, values, { x: at.left + 8, y: at.top + 24 });
  }

  function drop(keys) {
    const { source, cell, edge, end, isDay, isWait } = drag;
    const start = isDay ? drag.start : null; // elsewhere the server takes the first free place
    const own = isWait ? null : source.closest("td");
    stop();
    if (!cell) return;
    if (edge) {
      if (end === Number(source.dataset.end)) return;
      const at = source.getBoundingClientRect();
      send(`appointments/${source.dataset.rdv}/resize/`, { day: own.dataset.day, end, seen: source.dataset.version }, { x: at.left, y: at.bottom });
      return;
    }
    const isSame = own === cell && !keys.altKey && (!isDay || start === Number(source.dataset.start));
    if (isSame) return;
    if (isWait) { dropped(source, cell, start, keys); return; }
    const cards = [source, ...(chosen.has(source.dataset.rdv) ? firstCards(source.dataset.rdv) : [])];
    const by = isDay ? start - Number(source.dataset.start) : 0;
    if (by) cards.sort((one, other) => (one.dataset.start - other.dataset.start) * -Math.sign(by)); // none takes the hour of one that leaves it after
    chosen = new Set();
    board.querySelectorAll(".is-chosen").forEach((card) => card.classList.remove("is-chosen"));
    moveAll(cards, { from: own.dataset.technician, to: cell.dataset.technician, shift: days(own.dataset.day, cell.dataset.day), by, isDay, keys });
  }

  /* Move cards by as many days or minutes, those of one row to another. What stays where it was is said. */
  async function moveAll(cards, move) {
    let off = 0;
    let left = 0;
    for (const [index, card] of cards.entries()) {
      const now = document.getElementById(card.id);
      const from = now && now.closest("td");
      const row = from && (from.dataset.technician === move.from ? move.to : from.dataset.technician);
      const target = from && document.getElementById(`c-${row}-${later(from.dataset.day, move.shift)}`);
      const start = move.isDay && now ? Math.max(0, Math.min(Number(now.dataset.start) + move.by, 24 * 60 - STEP)) : null;
      if (!target) off += 1;
      else if (target !== from || move.by || move.keys.altKey) {
        const isDone = await dropped(now, target, start, move.keys); // one after the other: each takes what those before left free
        if (!isDone) { left = cards.length - index - 1; break; }
      }
    }
    if (off) stay(`${off} RDV ${off > 1 ? "choisis n'ont" : "choisi n'a"} pas bougé : ${off > 1 ? "leurs cases ne sont" : "sa case n'est"} pas sur le planning affiché. Affichez ces jours, puis ${off > 1 ? "déplacez-les" : "déplacez-le"}.`);
    if (left) stay(`${left} autre${left > 1 ? "s" : ""} RDV ${left > 1 ? "choisis restent" : "choisi reste"} où ${left > 1 ? "ils étaient" : "il était"}.`);
  }
  function stay(words) {
    const refusal = document.getElementById("board-refusal");
    if (refusal) { refusal.append(` ${words}`); say(refusal.textContent); } else notice(words);
  }
  /* The first card of each other RDV that is chosen: an RDV of several days is moved once. */
  function firstCards(but) {
    const found = new Map();
    board.querySelectorAll(".of-rdv.is-chosen").forEach((card) => { if (card.dataset.rdv !== but && !found.has(card.dataset.rdv)) found.set(card.dataset.rdv, card); });
    return Array.from(found.values());
  }
  const days = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 86400000);
  const later = (day, count) => new Date(Date.parse(day) + count * 86400000).toISOString().slice(0, 10);

  const waitRow = (target) => { const row = target.closest(".of-wait-row"); return row && (row.dataset.kind === "intervention" ? mayAdd : mayChange) ? row : null; };
  const sourceOf = (target) => (board.dataset.view === "month" ? null : (mayChange && target.closest("#board .of-rdv")) || waitRow(target));
  let press = null;

  document.addEventListener("pointerdown", (event) => {
    const source = event.button === 0 && event.isPrimary ? sourceOf(event.target) : null;
    if (!source || drag) return;
    begin(event, source);
    if (event.pointerType !== "mouse") press = setTimeout(() => { if (drag && !drag.isOn) { start(); scrollNearEdges(); if (navigator.vibrate) navigator.vibrate(20); } }, LONG_PRESS);
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    if (drag.isOn) { follow(event.clientX, event.clientY, event); return; }
    const far = Math.hypot(event.clientX - drag.x0, event.clientY - drag.y0);
    if (event.pointerType === "mouse") {
      if (far > 4) { drag.x = event.clientX; drag.y = event.clientY; start(); follow(event.clientX, event.clientY, event); scrollNearEdges(); }
    } else if (far > 10) { clearTimeout(press); drag = null; } // a finger that scrolls
  });
  let wasDragged = false;
  document.addEventListener("pointerup", (event) => {
    clearTimeout(press);
    if (!drag || event.pointerId !== drag.pointer) return;
    if (!drag.isOn) { drag = null; return; }
    wasDragged = true;
    setTimeout(() => { wasDragged = false; }, 50);
    drop(event);
  });
  document.addEventListener("pointercancel", () => { clearTimeout(press); if (drag && drag.isOn) stop(); else drag = null; });
  document.addEventListener("touchmove", (event) => { if (drag && drag.isOn) event.preventDefault(); }, { passive: false });
  document.addEventListener("contextmenu", (event) => { if (drag) event.preventDefault(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && drag) { stop(); say("Rien ne change."); } });
  document.addEventListener("selectstart", (event) => { if (drag && drag.isOn) event.preventDefault(); });
  document.addEventListener("dragstart", (event) => { if (sourceOf(event.target)) event.preventDefault(); });

  /* The press that ends a drag opens nothing; Shift chooses cards. */
  document.addEventListener("click", (event) => {
    const card = event.target.closest("#board .of-rdv, .of-wait-row");
    if (!card) return;
    if (wasDragged) { event.preventDefault(); event.stopPropagation(); return; }
    if (event.shiftKey && card.matches(".of-rdv")) {
      event.preventDefault();
      event.stopPropagation();
      const is = !chosen.has(card.dataset.rdv);
      if (is) chosen.add(card.dataset.rdv); else chosen.delete(card.dataset.rdv);
      board.querySelectorAll(`[data-rdv="${card.dataset.rdv}"]`).forEach((one) => one.classList.toggle("is-chosen", is));
      say(`${chosen.size} RDV choisis`);
    }
  }, true);

  Object.assign(window.openfireBoard, { dropped, firstFree, clock, START, END, STEP });
})();
