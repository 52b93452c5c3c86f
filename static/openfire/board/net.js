/* The board and the server: cells put in place of those on the page, others' changes, refusals where a card fell. */
"use strict";
(() => {
  const { notice, readPage, wait } = window.openfire;
  const board = document.getElementById("board");
  if (!board) return;
  const EVERY = 8000;
  const NO_ANSWER = "Le serveur ne répond pas : le RDV est peut-être déplacé. Vérifiez le réseau ; le planning se remettra à jour de lui-même.";
  const asked = () => Object.fromEntries(new URLSearchParams(board.dataset.query));
  const csrf = () => document.querySelector("[data-csrf] [name=csrfmiddlewaretoken]").value;
  const said = document.querySelector("[data-said]");
  let held = null; // the card that is being dragged stays as it is
  let late = []; // cells that came meanwhile
  let turn = 0; // counts requests as they leave and answers as they come
  const shownAt = new Map(); // id of a cell → the turn of the answer that it shows

  const say = (words) => { said.textContent = ""; setTimeout(() => { said.textContent = words; }, 30); };

  /* Put fresh cells in place of those that have their ids. The focus stays on the card or the cell that had it. */
  function swap(fresh) {
    const at = document.activeElement && document.activeElement.closest("#board") ? document.activeElement.id : "";
    fresh.forEach((cell) => {
      const old = document.getElementById(cell.id);
      if (!old) return;
      if (held && (old.contains(held) || cell.querySelector(`[data-rdv="${held.dataset.rdv}"]`))) { late.push(cell); return; }
      old.replaceWith(cell);
    });
    const back = at && document.getElementById(at);
    if (back && document.activeElement !== back) back.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("board:cells"));
  }

  function hold(card) { held = card; if (!card && late.length) { const cells = late; late = []; swap(cells); } }

  /* Take in an answer: its cells, its messages, and the cells that RDVs have left. A cell that another answer has shown
     since the request left (`sentAt`) may be older than what is there: it is asked for again. */
  function take(text, sentAt) {
    const page = readPage(text);
    const table = page.querySelector("table[data-touched]");
    if (!table) return false;
    const fresh = Array.from(table.querySelectorAll("td.of-cell"));
    const ids = new Set(fresh.map((cell) => cell.id));
    const gone = new Set();
    table.dataset.touched.split(" ").filter(Boolean).forEach((pk) => {
      board.querySelectorAll(`[data-rdv="${pk}"]`).forEach((card) => { const cell = card.closest("td"); if (!ids.has(cell.id)) gone.add(cell); });
    });
    const now = (turn += 1);
    const old = fresh.filter((cell) => (shownAt.get(cell.id) || 0) > sentAt);
    const news = fresh.filter((cell) => !old.includes(cell));
    news.forEach((cell) => shownAt.set(cell.id, now));
    swap(news);
    if (table.dataset.cursor) board.dataset.cursor = table.dataset.cursor;
    const messages = page.querySelector("[data-messages]");
    const place = document.querySelector("#main [data-messages]");
    if (messages && place && messages.children.length) { place.replaceChildren(...messages.childNodes); document.dispatchEvent(new CustomEvent("openfire:page")); }
    const again = [...gone, ...old.map((cell) => document.getElementById(cell.id)).filter(Boolean)];
    if (again.length) refresh(again);
    return true;
  }

  const query = (more) => new URLSearchParams({ ...asked(), ...more }).toString();
  const HEADERS = { "X-Requested-With": "fetch", "X-Background": "1" }; // asked by the page itself: the session may end meanwhile
  const get = (path, more) => fetch(`${board.dataset.url}${path}?${query(more)}`, { headers: HEADERS });
  function refresh(cells) {
    const sentAt = (turn += 1);
    return get("cells/", { cells: cells.map((cell) => `${cell.dataset.technician}:${cell.dataset.day}`).join(",") }).then((answer) => answer.text()).then((text) => take(text, sentAt)).catch(() => {});
  }

  /* Others' changes, and those of the acts done over the board. */
  let isAsking = false;
  function changes(isAfterAct) {
    if (isAsking || document.hidden) return Promise.resolve();
    isAsking = true;
    const sentAt = (turn += 1);
    return get("changes/", { since: board.dataset.cursor, ...(isAfterAct === true ? { done: "1" } : {}) }).then((answer) => {
      if (answer.redirected && answer.url.includes("/login/")) return new Promise((resolve) => { window.openfireSession.whenOpen(resolve, resolve); });
      if (answer.status === 304 && answer.headers.get("X-Cursor")) board.dataset.cursor = answer.headers.get("X-Cursor");
      return answer.status === 200 ? answer.text().then((text) => { if (take(text, sentAt)) waiting(); }) : null;
    }).catch(() => {}).finally(() => { isAsking = false; });
  }
  setInterval(changes, EVERY);
  document.addEventListener("visibilitychange", changes);
  board.addEventListener("openfire:done", () => changes(true));
  document.addEventListener("close", (event) => { if (event.target.matches("dialog.of-modal")) changes(); }, true); // what was done in a dialog that is left

  /* The list of what is to place. */
  const list = document.getElementById("waiting");
  const words = document.querySelector("[data-wait-search]");
  const onlyLate = document.querySelector("[data-wait-late]");
  function waiting() {
    if (!list) return Promise.resolve();
    const narrowed = new URLSearchParams({ q: words.value, late: onlyLate.checked ? "1" : "" });
    return fetch(`${list.dataset.url}?${narrowed}`, { headers: HEADERS }).then((answer) => (answer.ok ? answer.text() : null)).then((text) => {
      if (text !== null) list.replaceChildren(...readPage(text).body.childNodes);
    }).catch(() => {});
  }
  waiting();
  if (list) { words.addEventListener("input", wait(250, waiting)); onlyLate.addEventListener("change", waiting); }

  /* What a card cuts of its lines stands in its title, written when it is pointed at. */
  board.addEventListener("pointerover", (event) => {
    const card = event.target.closest("[data-rdv]");
    if (card && !card.title) card.title = `${card.querySelector("b").textContent} ${card.querySelector("b + span").textContent} · ${card.querySelector("small").textContent}`;
  });

  /* What is refused is said where the card fell; a reason overrides a time that is taken or not worked. */
  function refuse(found, at, again) {
    document.querySelectorAll(".of-board-refusal").forEach((one) => one.remove());
    const box = Object.assign(document.createElement("div"), { className: "of-board-refusal" });
    box.setAttribute("role", "alertdialog");
    box.setAttribute("aria-label", "Refusé");
    const back = document.activeElement;
    const leave = () => { box.remove(); if (back && back.isConnected) back.focus({ preventScroll: true }); };
    const words = Object.assign(document.createElement("p"), { textContent: found.detail, id: "board-refusal" });
    box.setAttribute("aria-describedby", words.id);
    const foot = Object.assign(document.createElement("p"), { className: "of-board-refusal-foot" });
    const close = Object.assign(document.createElement("button"), { type: "button", className: "of-button", textContent: "Renoncer" });
    close.addEventListener("click", leave);
    box.append(words);
    if (found.may_override && again) {
      const reason = Object.assign(document.createElement("input"), { className: "of-input", placeholder: "Motif de la dérogation", maxLength: 200 });
      reason.setAttribute("aria-label", "Motif de la dérogation");
      const over = Object.assign(document.createElement("button"), { type: "button", className: "of-button of-button-main", textContent: "Passer outre" });
      const go = () => { if (!reason.value.trim()) { reason.focus(); return; } box.remove(); again(reason.value.trim()); };
      over.addEventListener("click", go);
      reason.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); go(); } });
      box.append(reason);
      foot.append(over);
    }
    (found.steps || []).forEach((step) => {
      const link = Object.assign(document.createElement("a"), { className: "of-button", href: step.url, textContent: step.label });
      if (step.opens_dialog) link.dataset.dialog = "";
      link.addEventListener("click", () => setTimeout(() => box.remove(), 0));
      foot.append(link);
    });
    (found.links || []).forEach((link) => {
      foot.append(Object.assign(document.createElement("a"), { className: "of-link", href: link.url, textContent: link.label, target: "_blank", rel: "noopener" }));
    });
    foot.append(close);
    box.append(foot);
    document.body.append(box);
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(at.x, window.innerWidth - width - 8))}px`;
    box.style.top = `${Math.max(8, Math.min(at.y, window.innerHeight - height - 8))}px`;
    box.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); leave(); } });
    (box.querySelector("input") || close).focus();
    say(found.detail);
  }

  /* Read again the cells of an RDV that somebody changed. */
  function renew(path) {
    const [pk] = path.match(/[0-9]+/) || [];
    const cells = Array.from(board.querySelectorAll(`[data-rdv="${pk}"]`), (card) => card.closest("td"));
    if (cells.length && path.startsWith("appointments/")) refresh(cells);
    changes();
  }

  /* Send an act. `at`: where its refusal is shown. The same key is never done twice. */
  function send(path, values, at) {
    const key = values.key || `${Date.now()}-${Math.random()}`;
    const body = new URLSearchParams({ ...asked(), ...values, key, csrfmiddlewaretoken: csrf() });
    board.setAttribute("aria-busy", "true");
    const sentAt = (turn += 1);
    return fetch(`${board.dataset.url}${path}`, { method: "POST", headers: { "X-Requested-With": "fetch" }, body }).then((answer) => answer.text().then((text) => {
      if (answer.redirected && answer.url.includes("/login/")) { window.openfireSession.whenOpen(() => send(path, { ...values, key }, at), () => {}); return false; }
      if (answer.ok && take(text, sentAt)) { waiting(); return true; }
      if (answer.status === 409) {
        const found = JSON.parse(text);
        refuse(found, at, (override) => send(path, { ...values, override, key: "" }, at));
        if (found.code === "stale" || found.code === "already_planned") { renew(path); waiting(); }
        return false;
      }
      const page = readPage(text);
      notice((answer.status < 500 && window.openfire.sentenceOf(page)) || NO_ANSWER);
      return false;
    })).catch(() => { notice(NO_ANSWER); changes(); return false; }).finally(() => board.removeAttribute("aria-busy"));
  }

  /* A search lights the cards that hold its words. */
  const search = document.querySelector("[data-search]");
  const plain = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  function light() {
    const wanted = plain(search.value).split(/\s+/).filter(Boolean);
    board.classList.toggle("is-searched", wanted.length > 0);
    board.querySelectorAll(".of-rdv").forEach((card) => { const text = plain(card.textContent); card.classList.toggle("is-lit", wanted.length > 0 && wanted.every((word) => text.includes(word))); });
  }
  search.addEventListener("input", light);
  document.addEventListener("board:cells", () => { if (search.value) light(); });

  window.openfireBoard = { board, send, hold, say, changes, csrf };
})();
