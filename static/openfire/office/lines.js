/* The lines of a document: rows, live totals, what an article fills, and the keys of a spreadsheet. */
"use strict";
(() => {
  const { all, element, notice, readSheet, tell, wait } = window.openfire;

  /* What changes the height of a line waits until a pressed button is let go: a click counts where it began and ends. */
  let isPressed = false;
  const waiting = new Set();
  const release = () => {
    isPressed = false;
    window.setTimeout(() => { waiting.forEach((act) => act()); waiting.clear(); });
  };
  document.addEventListener("pointerdown", () => { isPressed = true; }, true);
  document.addEventListener("pointerup", release, true);
  document.addEventListener("pointercancel", release, true);
  const whenReleased = (act) => { if (isPressed) waiting.add(act); else act(); };

  function setUpLines(block) {
    const prefix = block.dataset.lines;
    const body = block.querySelector("tbody");
    const form = block.closest("form");
    const total = block.querySelector(`[name="${prefix}-TOTAL_FORMS"]`);
    const field = (row, name) => row.querySelector(`[name$="-${name}"]`);
    /* Texts take the height of their words. All are measured before one is changed: the page is laid out once. */
    function grow(...areas) {
      const seen = areas.filter((area) => area.offsetParent);
      seen.forEach((area) => { area.style.height = "auto"; });
      const sizes = seen.map((area) => [area.offsetWidth, area.scrollHeight]);
      seen.forEach((area, index) => { area.dataset.width = sizes[index][0]; area.style.height = sizes[index][1] + 2 + "px"; });
    }
    /* A text wraps anew when its column is shown or gets another width: the amounts that come in take their room from it. */
    const widths = new ResizeObserver((entries) => window.requestAnimationFrame(() => {
      grow(...entries.map(({ target }) => target).filter((area) => area.offsetWidth && area.dataset.width !== String(area.offsetWidth)));
    }));

    const refresh = wait(200, () => {
      const data = new FormData(form);
      data.delete("_version");
      all(block, "[name]:disabled").forEach((input) => data.append(input.name, input.value));
      fetch(block.dataset.totalsUrl, { method: "POST", body: data }).then((answer) => answer.ok ? answer.json() : null).then((answer) => {
        if (!answer) return;
        all(body, "[data-row]").forEach((row) => {
          const index = (field(row, "position").name.match(/-(\d+)-position$/) || [])[1];
          const amounts = answer.rows[index] || { net: "", gross: "" };
          row.querySelector("[data-net]").textContent = amounts.net;
          row.querySelector("[data-gross]").textContent = amounts.gross;
        });
        block.querySelector("[data-footer]").innerHTML = answer.footer;
      }).catch(() => {});
    });

    const mark = (row) => {
      const tax = field(row, "tax");
      row.classList.toggle("of-has-manual-tax", ["True", "true", "1", "on"].includes(field(row, "tax_is_manual").value));
      tax.dispatchEvent(new Event("of:shown"));
      const hasProduct = Boolean(field(row, "product") && field(row, "product").value);
      row.classList.toggle("of-has-product", hasProduct);
      row.classList.toggle("of-says-article", hasProduct && field(row, "product").selectedOptions[0].text.trim() === field(row, "label").value.trim());
      if (hasProduct || field(row, "kind").value !== "article") tax.removeAttribute("aria-required"); else tax.setAttribute("aria-required", "true");
    };
    const showDiscounts = () => block.classList.toggle("has-discount", all(body, '[name$="-discount"]').some((input) => Number(input.value.replace(",", ".")) !== 0));
    const renumber = () => all(body, "[data-row]").forEach((row, index) => { field(row, "position").value = index + 1; });

    function fill(rows, onlyTax) {
      const ids = rows.map((row) => field(row, "product").value).filter(Boolean);
      if (!ids.length) { refresh(); return; }
      const position = form.querySelector('[name="fiscal_position"]');
      const query = new URLSearchParams({ product: ids.join(","), fiscal_position: position ? position.value : "" });
      fetch(block.dataset.defaultsUrl + "?" + query).then((answer) => answer.json()).then((defaults) => {
        rows.forEach((row) => {
          const values = defaults[field(row, "product").value];
          if (!values) return;
          if (!onlyTax) {
            field(row, "label").value = values.label; grow(field(row, "label"));
            field(row, "unit_price").value = values.unit_price;
          }
          field(row, "tax").value = values.tax;
          field(row, "tax_is_manual").value = "";
          mark(row);
        });
        refresh();
      }).catch(refresh);
    }

    /* A rate is read in its narrow box: « 5,5 % »; the whole name is in the list that opens, and in its title. */
    function setUpTax(tax) {
      const names = new Map(all(tax, "option").map((option) => [option, option.text]));
      const show = (isShort) => names.forEach((name, option) => { option.text = isShort && option.selected ? name.split(" · ")[0] : name; });
      const title = () => { tax.title = names.get(tax.selectedOptions[0]) || ""; };
      ["pointerdown", "focus"].forEach((event) => tax.addEventListener(event, () => show(false)));
      ["blur", "change", "of:shown"].forEach((event) => tax.addEventListener(event, () => { show(true); title(); }));
      show(true);
      title();
    }

    let isWriting = false; // rows are written whole: their article fills nothing
    function setUpRow(row) {
      const product = field(row, "product");
      if (product) product.addEventListener("change", () => { mark(row); if (!isWriting) fill([row], false); });
      setUpTax(field(row, "tax"));
      field(row, "tax").addEventListener("change", () => { field(row, "tax_is_manual").value = "True"; mark(row); refresh(); });
      all(row, "textarea").forEach((area) => { area.addEventListener("input", () => grow(area)); grow(area); widths.observe(area); });
      const enter = () => { row.classList.add("is-entered"); grow(field(row, "label")); };
      row.addEventListener("focusin", () => whenReleased(enter));
      const leave = () => {
        if (row.contains(document.activeElement)) return;
        row.classList.remove("is-entered");
        mark(row);
      };
      row.addEventListener("focusout", (event) => { if (!row.contains(event.relatedTarget)) whenReleased(leave); });
      mark(row);
      const grip = row.querySelector("[data-grip]");
      grip.addEventListener("dragstart", (event) => { block.dragged = row; event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", ""); row.classList.add("is-dragged"); });
      grip.addEventListener("dragend", () => { row.classList.remove("is-dragged"); renumber(); tell(field(row, "position")); });
      row.addEventListener("dragover", (event) => {
        if (!block.dragged || block.dragged === row) return;
        event.preventDefault();
        const box = row.getBoundingClientRect();
        body.insertBefore(block.dragged, event.clientY < box.top + box.height / 2 ? row : row.nextSibling);
      });
    }

    function add(kind, takesFocus = true) {
      const index = Number(total.value);
      const holder = document.createElement("tbody");
      holder.innerHTML = block.querySelector("[data-empty-row]").innerHTML.replace(/__prefix__/g, index);
      const row = holder.querySelector("[data-row]");
      body.append(row);
      total.value = index + 1;
      field(row, "kind").value = kind;
      row.className = "of-line of-kind-" + kind;
      if (kind !== "article") { field(row, "quantity").value = "0"; }
      field(row, "position").value = all(body, "[data-row]").length;
      setUpRow(row);
      const start = kind === "article" ? row.querySelector(".of-choice-input") : field(row, "label");
      if (start && takesFocus) start.focus();
      refresh();
      return row;
    }

    block.addEventListener("click", (event) => {
      const adder = event.target.closest("[data-add]");
      if (adder) { add(adder.dataset.add); return; }
      if (event.target.closest("[data-show-discount]")) { block.classList.add("has-discount"); const first = body.querySelector('[name$="-discount"]'); if (first) first.focus(); return; }
      const fold = event.target.closest("[data-unfold]");
      if (fold) {
        const isOpen = fold.closest("[data-row]").classList.toggle("is-unfolded");
        fold.setAttribute("aria-expanded", String(isOpen));
        grow(...all(fold.closest("[data-row]"), "textarea"));
        return;
      }
      const bin = event.target.closest("[data-remove]");
      if (!bin) return;
      const row = bin.closest("[data-row]");
      const box = field(row, "DELETE");
      if (row.querySelector('[name$="-id"]') && row.querySelector('[name$="-id"]').value) {
        box.checked = !box.checked;
        row.classList.toggle("is-doomed", box.checked);
      } else {
        if (box) box.checked = true;
        row.hidden = true;
      }
      if (box) tell(box);
      refresh();
    });
    body.addEventListener("input", (event) => { if (event.target.matches("input, select")) refresh(); });

    /* Keys: Enter goes on and adds, arrows move from row to row, Ctrl+D copies the row, Alt+arrows move it. */
    const COLUMNS = ["quantity", "unit_price", "discount"];
    const rows = () => all(body, "[data-row]:not([data-locked])").filter((row) => !row.hidden && !row.classList.contains("is-doomed"));
    const articleBox = (row) => row.querySelector(".of-choice-input") || field(row, "label");
    const columnOf = (target) => (target.matches(".of-choice-input") ? "product" : COLUMNS.find((name) => target.name && target.name.endsWith(`-${name}`)));
    const go = (row, column) => {
      if (!row) return;
      const box = column === "product" || !field(row, column) || field(row, column).closest("td").offsetParent === null ? articleBox(row) : field(row, column);
      if (!box) return;
      box.focus();
      if (box.select) box.select();
    };
    const canAdd = () => Boolean(block.querySelector("[data-add=article]"));
    function write(row, values) {
      const product = field(row, "product");
      isWriting = true;
      if (product && values.product) {
        if (!all(product, "option").some((option) => option.value === String(values.product))) product.append(new Option(values.text, values.product));
        product.value = values.product;
        product.dispatchEvent(new Event("change", { bubbles: true }));
      }
      ["label", "quantity", "unit_price", "discount", "tax", "tax_is_manual"].forEach((name) => {
        if (values[name] === undefined || values[name] === null || !field(row, name)) return;
        field(row, name).value = values[name];
      });
      isWriting = false;
      grow(field(row, "label"));
      mark(row);
    }
    function place(row, before) {
      body.insertBefore(row, before);
      renumber();
      tell(field(row, "position"));
    }
    function copy(row) {
      if (!canAdd()) return;
      const product = field(row, "product");
      const values = product && product.value ? { product: product.value, text: product.selectedOptions[0].text } : {};
      ["label", "quantity", "unit_price", "discount", "tax", "tax_is_manual"].forEach((name) => { if (field(row, name)) values[name] = field(row, name).value; });
      const made = add(field(row, "kind").value, false);
      write(made, values);
      place(made, row.nextSibling);
      showDiscounts();
      go(made, "quantity");
    }
    body.addEventListener("keydown", (event) => {
      const row = event.target.closest("[data-row]");
      if (!row || event.target.closest(".of-calendar")) return;
      const isListOpen = event.target.getAttribute("aria-expanded") === "true";
      const column = columnOf(event.target);
      const list = rows();
      const at = list.indexOf(row);
      const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "d") { event.preventDefault(); copy(row); return; }
      if (event.altKey && way && !isListOpen && row.querySelector("[data-grip]")) {
        event.preventDefault();
        const other = list[at + way];
        if (!other) return;
        const name = event.target.name;
        place(row, way < 0 ? other : other.nextSibling);
        const held = column === "product" || !name ? articleBox(row) : row.querySelector(`[name="${name}"]`); // a box moved is made anew
        held.focus();
        return;
      }
      if (event.altKey || event.ctrlKey || event.metaKey || isListOpen || !column) return;
      if (way) { event.preventDefault(); go(list[at + way], column); return; }
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (column === "product") { if (field(row, "product").value) go(row, "quantity"); } else if (list[at + 1]) go(list[at + 1], column); else if (canAdd()) add("article");
    });
    /* « ram_pose*2 »: the article, and its quantity. Then one goes on with the quantity. */
    body.addEventListener("of:chosen", (event) => {
      const row = event.target.closest("[data-row]");
      if (!row || !event.detail.result) return;
      const times = event.detail.typed.match(/\*\s*(\d+(?:[.,]\d+)?)\s*$/);
      if (times) { field(row, "quantity").value = times[1].replace(".", ","); tell(field(row, "quantity")); }
      setTimeout(() => { if (document.activeElement === articleBox(row)) go(row, "quantity"); }, 0); // Tab goes on by itself
    });

    /* Rows of a sheet pasted in an article: one column is a code, two are a code and a quantity, more have their names. */
    const MOST = 200;
    function paste(row, pasted) {
      if (pasted.length > MOST) { notice(`${pasted.length} lignes collées : ${MOST} au plus à la fois. Rien n'est ajouté ; collez-les en plusieurs fois.`); return; }
      const position = form.querySelector('[name="fiscal_position"]');
      const query = new FormData();
      query.append("csrfmiddlewaretoken", form.querySelector('[name="csrfmiddlewaretoken"]').value);
      query.append("fiscal_position", position ? position.value : "");
      pasted.forEach((line) => { if (line.code) query.append("code", line.code); });
      fetch(block.dataset.defaultsUrl, { method: "POST", body: query }).then((answer) => {
        if (!answer.ok) throw new Error("no articles");
        return answer.json();
      }).then((found) => {
        const byCode = {};
        Object.entries(found).forEach(([id, values]) => { byCode[values.code.toLowerCase()] = { product: id, ...values }; });
        const isEmpty = !field(row, "product").value && !field(row, "label").value;
        let after = isEmpty ? row.previousSibling : row;
        if (isEmpty) { if (field(row, "DELETE")) field(row, "DELETE").checked = true; row.hidden = true; }
        body.hidden = true; // nothing is laid out until all are there
        pasted.forEach((line) => {
          const known = byCode[(line.code || "").toLowerCase()];
          const made = add(known ? "article" : "note", false);
          const label = line.label || (known ? undefined : [line.code, line.quantity].filter(Boolean).join(" · "));
          const tax = known && line.tax ? all(field(made, "tax"), "option").find((option) => option.text.replace(/\s/g, "").startsWith(`${line.tax}%`)) : null;
          write(made, {
            ...(known || {}),
            ...(label === undefined ? {} : { label }),
            ...(known && line.quantity ? { quantity: line.quantity } : {}),
            ...(known && line.price ? { unit_price: line.price } : {}),
            ...(known && line.discount ? { discount: line.discount } : {}),
            ...(tax ? { tax: tax.value, tax_is_manual: "True" } : {}),
          });
          if (!known) { made.classList.add("is-unknown"); made.title = "Aucun article actif n'a ce code : la ligne est collée en note."; }
          const before = after ? after.nextSibling : body.firstChild;
          if (made !== before) body.insertBefore(made, before);
          after = made;
        });
        body.hidden = false;
        grow(...all(body, "textarea"));
        renumber();
        showDiscounts();
        tell(field(after, "position"));
        go(after, "quantity");
        refresh();
      }).catch(() => notice("Les articles collés n'ont pas pu être lus : rien n'est ajouté. Vérifiez le réseau, puis collez de nouveau."));
    }
    body.addEventListener("paste", (event) => {
      const row = event.target.closest("[data-row]");
      if (!row || !event.target.matches(".of-choice-input") || !canAdd()) return;
      const pasted = readSheet(event.clipboardData.getData("text/plain"));
      if (!pasted) return;
      event.preventDefault();
      paste(row, pasted);
    });
    const position = form.querySelector('[name="fiscal_position"]');
    if (position) position.addEventListener("change", () => {
      const free = all(body, "[data-row]").filter((row) => field(row, "product") && field(row, "product").value && !row.matches(".of-covered, [data-locked]"));
      fill(free, true);
    });
    all(body, "[data-row]:not([data-locked])").forEach(setUpRow);
    const version = form.querySelector('[name="_version"]');
    if (version && !version.value && block === document.querySelector("[data-totals-url]") && !body.querySelector("[data-row]") && block.querySelector("[data-add=article]")) add("article", false); // a new document has a line ready
    showDiscounts();
    refresh();
  }

  element("of-lines", (block) => (block.dataset.totalsUrl ? setUpLines(block) : undefined));
})();
