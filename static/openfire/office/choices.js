/* Boxes that choose a record by typing: a combobox over the select that the form sends. */
"use strict";
(() => {
  const { all, element, wait } = window.openfire;
  const DELAY = 180; // ms between the last key and the search
  let lists = 0;

  const made = (tag, values = {}, marks = {}) => {
    const node = Object.assign(document.createElement(tag), values);
    Object.entries(marks).forEach(([name, value]) => node.setAttribute(name, value));
    return node;
  };
  const labelOf = (select) => {
    if (select.getAttribute("aria-label")) return select.getAttribute("aria-label");
    const [label] = select.labels;
    const cell = select.closest("[data-label]");
    const text = label ? Array.from(label.childNodes).filter((node) => !(node.matches && node.matches(".of-must"))).map((node) => node.textContent).join(" ") : cell ? cell.dataset.label : "";
    return text.replace(/\s+/g, " ").replace(/\s*[*:]\s*$/, "").trim();
  };

  function connectChoice(box) {
    const select = box.querySelector("select");
    if (!select) return undefined;
    const isMany = select.multiple;
    const listId = `of-list-${++lists}`;
    const input = made("input", { type: "text", className: "of-choice-input", id: `${select.id}-box`, autocomplete: "off", spellcheck: false }, {
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": listId, "aria-label": labelOf(select),
    });
    ["aria-invalid", "aria-describedby", "aria-required"].forEach((name) => { if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name)); });
    const clear = made("button", { type: "button", className: "of-choice-clear", textContent: "×", title: "Effacer" }, { tabindex: "-1", "aria-label": "Effacer le choix" });
    const chips = made("ul", { className: "of-chips" });
    const list = made("ul", { className: "of-choices", id: listId }, { role: "listbox", popover: "manual", "aria-label": labelOf(select) || "Choix" });
    select.setAttribute("tabindex", "-1");
    select.setAttribute("aria-hidden", "true");
    box.classList.add("is-live");
    box.append(...(isMany ? [chips] : []), input, clear, list);

    let found = []; // what the list shows
    let at = -1; // the one highlighted
    let creation = null; // how such a record may be created from here
    let page = 1;
    let hasMore = false;
    let hasSearched = false; // a text was typed or an arrow pressed: Tab and Enter then take the one highlighted
    let takesFirst = false; // Enter or Tab came before the answer
    let asked = null; // the request on its way
    let last = "";
    const chosen = () => Array.from(select.selectedOptions).filter((option) => option.value);
    const shown = () => (isMany || !chosen().length ? "" : chosen()[0].text);
    const isOpen = () => input.getAttribute("aria-expanded") === "true";

    function show() {
      last = chosen().map((option) => option.value).join(",");
      input.value = shown();
      input.title = shown();
      input.disabled = select.disabled;
      clear.hidden = isMany || select.disabled || !chosen().length || "required" in box.dataset;
      chips.replaceChildren(...chosen().map((option) => {
        const chip = made("li", { textContent: option.text });
        if (!select.disabled) {
          const off = made("button", { type: "button", textContent: "×", title: "Retirer" }, { "aria-label": `Retirer ${option.text}` });
          off.addEventListener("click", () => { option.remove(); tellChange(); input.focus(); });
          chip.append(off);
        }
        return chip;
      }));
      const frame = box.parentElement;
      if (frame) all(frame, "[data-href-template]").forEach((link) => {
        if (chosen().length) link.href = link.dataset.hrefTemplate.replace("__fk__", chosen()[0].value); else link.removeAttribute("href");
      });
    }
    function tellChange() {
      show();
      select.dispatchEvent(new Event("input", { bubbles: true }));
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }

    function place() {
      const around = input.getBoundingClientRect();
      const below = window.innerHeight - around.bottom;
      const room = Math.max(below, around.top) - 8;
      const width = Math.min(Math.max(around.width, 340), window.innerWidth - 16);
      list.style.width = `${width}px`;
      list.style.maxHeight = `${Math.min(360, room)}px`;
      list.style.left = `${Math.max(8, Math.min(around.left, window.innerWidth - width - 8))}px`;
      list.style.top = below >= Math.min(240, around.top) ? `${around.bottom + 2}px` : `${around.top - list.offsetHeight - 2}px`;
    }
    const follow = (event) => { if (isOpen() && event.target !== list) place(); };
    function open() {
      if (isOpen() || input.disabled) return;
      input.setAttribute("aria-expanded", "true");
      list.showPopover();
      place();
    }
    function close() {
      if (asked) asked.abort();
      asked = null;
      search.cancelled = true;
      takesFirst = false;
      hasSearched = false;
      found = [];
      list.replaceChildren();
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
      if (list.isConnected && list.matches(":popover-open")) list.hidePopover();
    }
    function say(words, isFault = false) {
      if (document.activeElement !== input) { close(); show(); return; } // Tab was pressed before the answer
      list.replaceChildren(made("li", { className: isFault ? "of-choices-said is-fault" : "of-choices-said", textContent: words }, { role: isFault ? "alert" : "status" }));
      place();
    }
    function highlight(index) {
      const items = all(list, "[role=option]");
      at = items.length ? Math.max(0, Math.min(index, items.length - 1)) : -1;
      items.forEach((item, number) => item.setAttribute("aria-selected", String(number === at)));
      if (at < 0) { input.removeAttribute("aria-activedescendant"); return; }
      input.setAttribute("aria-activedescendant", items[at].id);
      items[at].scrollIntoView({ block: "nearest" });
    }
    function item(result, index) {
      const node = made("li", { id: `${listId}-${index}` }, { role: "option", "aria-selected": "false" });
      if (result.code) node.append(made("code", { textContent: result.code }));
      node.append(made("b", { textContent: result.name || result.text }));
      (result.details || []).filter(Boolean).forEach((detail) => node.append(made("small", { textContent: detail })));
      return node;
    }
    const wanted = () => {
      const text = input.value === shown() && !hasSearched ? "" : input.value;
      return isOfLine ? text.replace(/\s*\*\s*[\d.,]*\s*$/, "").trim() : text.trim();
    };
    /* The last of the list: what was typed may be created. */
    function creationItem() {
      if (!creation || isMany || box.closest("dialog") || !window.openfire.creationUrl(creation, box, wanted())) return [];
      const node = made("li", { id: `${listId}-new`, className: "of-choices-new", textContent: wanted() ? `Créer « ${wanted()} »` : `${creation.title}…` }, { role: "option", "aria-selected": "false", "data-new": "" });
      return [node];
    }
    function create() {
      const typed = input.value;
      const url = window.openfire.creationUrl(creation, box, wanted());
      close();
      window.openfire.openPanel(url, (result) => {
        input.focus();
        if (result) choose(result, typed); else { input.value = typed; input.select(); }
      });
    }
    const isOfLine = Boolean(box.closest("[data-row]"));

    function ask(number) {
      if (asked) asked.abort();
      const own = new AbortController();
      asked = own;
      const query = new URLSearchParams({ ...JSON.parse(box.dataset.asked), term: wanted(), page: number });
      fetch(`${box.dataset.url}?${query}`, { signal: own.signal }).then((answer) => {
        if (!answer.ok || !(answer.headers.get("Content-Type") || "").includes("json")) throw new Error("no list");
        return answer.json();
      }).then((answer) => {
        if (asked !== own || !isOpen()) return; // another search was asked meanwhile
        asked = null;
        page = number;
        hasMore = answer.pagination.more;
        const start = number === 1 ? 0 : found.length;
        found = number === 1 ? answer.results : found.concat(answer.results);
        if (number === 1) creation = answer.creation;
        if (!found.length) {
          takesFirst = false;
          at = -1;
          input.removeAttribute("aria-activedescendant");
          say("aucun résultat");
          if (isOpen()) { list.append(...creationItem()); highlight(0); place(); }
          return;
        }
        const items = answer.results.map((result, index) => item(result, start + index));
        if (number > 1) {
          const last = list.querySelector("[data-new]");
          if (last) last.before(...items); else list.append(...items);
          at = all(list, "[role=option]").findIndex((node) => node.getAttribute("aria-selected") === "true");
        } else {
          list.replaceChildren(...items, ...creationItem());
          list.scrollTop = 0;
          highlight(Math.max(0, hasSearched ? 0 : found.findIndex((result) => result.id === select.value)));
        }
        place();
        if (takesFirst) take(0);
      }).catch((fault) => {
        if (fault.name === "AbortError" || asked !== own) return;
        asked = null;
        takesFirst = false;
        say("La liste n'a pas pu être lue : vérifiez le réseau, puis tapez de nouveau.", true);
      });
    }
    const search = { cancelled: true, later: wait(DELAY, () => { if (!search.cancelled) { search.cancelled = true; ask(1); } }) };
    function searchSoon() { if (asked) asked.abort(); asked = null; found = []; search.cancelled = false; search.later(); }
    function searchNow() { search.cancelled = true; ask(1); }

    function take(index) {
      const node = all(list, "[role=option]")[index];
      if (node && "new" in node.dataset) { create(); return; }
      const result = found[index];
      if (!result) return;
      const typed = input.value;
      close();
      choose(result, typed);
    }
    function choose(result, typed) {
      let option = all(select, "option").find((one) => one.value === result.id);
      if (!option) { option = new Option(result.text, result.id); select.append(option); }
      if (isMany) option.selected = true; else select.value = result.id;
      tellChange();
      box.dispatchEvent(new CustomEvent("of:chosen", { bubbles: true, detail: { result, typed } }));
    }
    /* Take the one highlighted, or the first of the answer that is on its way. False when nothing was searched. */
    function takeHighlighted() {
      if (!isOpen()) return false;
      const isAnswered = search.cancelled && !asked; // what the list shows is of what is typed
      if (at >= 0 && (found.length || (isAnswered && list.querySelector("[data-new]")))) { take(at); return true; }
      if (!search.cancelled || asked) { takesFirst = true; if (!search.cancelled) searchNow(); return true; }
      return false;
    }
    function empty() {
      close();
      if (!chosen().length) { show(); return; }
      if (!all(select, 'option[value=""]').length) select.prepend(new Option("", ""));
      select.value = "";
      tellChange();
      box.dispatchEvent(new CustomEvent("of:chosen", { bubbles: true, detail: { result: null, typed: "" } }));
    }

    input.addEventListener("focus", () => input.select());
    input.addEventListener("pointerup", () => { if (!isOpen() && !input.disabled) { open(); searchNow(); } });
    input.addEventListener("input", () => {
      if (input.value === "" && !isMany && !("required" in box.dataset) && chosen().length) empty();
      hasSearched = true;
      takesFirst = false;
      open();
      searchSoon();
    });
    input.addEventListener("keydown", (event) => {
      const plain = !event.altKey && !event.ctrlKey && !event.metaKey;
      if (event.key === " " && !isOpen() && plain) { event.preventDefault(); return; }
      if (event.key === "Backspace" && isMany && !input.value && chosen().length) { chosen().at(-1).remove(); tellChange(); return; }
      if (!plain) return;
      if (!isOpen()) {
        if (event.key === "ArrowDown" && !isOfLine) { event.preventDefault(); open(); searchNow(); }
        if (event.key === "Enter") event.preventDefault();
        return;
      }
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        hasSearched = true;
        highlight(at + (event.key === "ArrowDown" ? 1 : -1));
        if (hasMore && !asked && at >= found.length - 3) ask(page + 1);
      } else if (event.key === "Home" || event.key === "End") {
        event.preventDefault();
        hasSearched = true;
        highlight(event.key === "Home" ? 0 : found.length - 1); // the last found
      } else if (event.key === "Enter") {
        event.preventDefault();
        event.stopPropagation();
        takeHighlighted();
      } else if (event.key === "Tab") {
        if (hasSearched && input.value.trim() && (found.length || !search.cancelled || asked)) takeHighlighted(); else { close(); show(); }
      } else if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close();
        show();
        input.select();
      }
    });
    input.addEventListener("blur", () => { if (!takesFirst) { close(); show(); } });
    clear.addEventListener("click", () => { empty(); input.focus(); });
    list.addEventListener("pointerdown", (event) => { if (event.target !== list) event.preventDefault(); }); // the focus stays in the box
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (!option) return;
      event.preventDefault();
      take(all(list, "[role=option]").indexOf(option));
      input.focus();
    });
    list.addEventListener("scroll", () => { if (hasMore && !asked && list.scrollTop + list.clientHeight > list.scrollHeight - 60) ask(page + 1); });

    /* Others set the select: the focus that a label or a link gives, a value that a field fills, a record made in a window. */
    const toInput = () => input.focus();
    const onChange = () => { if (chosen().map((option) => option.value).join(",") !== last) show(); };
    select.addEventListener("focus", toInput);
    select.addEventListener("change", onChange);
    const watcher = new MutationObserver(() => {
      if (chosen().map((option) => option.value).join(",") !== last) tellChange();
      else if (input.disabled !== select.disabled) show();
    });
    watcher.observe(select, { childList: true, attributes: true, attributeFilter: ["disabled"] });
    window.addEventListener("scroll", follow, true);
    window.addEventListener("resize", follow);
    show();

    return () => {
      close();
      watcher.disconnect();
      window.removeEventListener("scroll", follow, true);
      window.removeEventListener("resize", follow);
      select.removeEventListener("focus", toInput);
      select.removeEventListener("change", onChange);
      [input, clear, chips, list].forEach((node) => node.remove());
      box.classList.remove("is-live");
    };
  }

  element("of-choice", connectChoice);
})();
