/* The lines of a document: rows, live totals, what an article fills. */
"use strict";
(() => {
  const { all, element, tell, wait } = window.openfire;

  function setUpLines(block) {
    const prefix = block.dataset.lines;
    const body = block.querySelector("tbody");
    const form = block.closest("form");
    const total = block.querySelector(`[name="${prefix}-TOTAL_FORMS"]`);
    const field = (row, name) => row.querySelector(`[name$="-${name}"]`);
    const grow = (area) => { area.dataset.width = area.offsetWidth; area.style.height = "auto"; area.style.height = area.scrollHeight + 2 + "px"; };
    /* A text wraps anew when its column is shown or gets another width: the amounts that come in take their room from it. */
    const widths = new ResizeObserver((entries) => window.requestAnimationFrame(() => entries.forEach(({ target }) => {
      if (target.offsetWidth && target.dataset.width !== String(target.offsetWidth)) grow(target);
    })));

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
      tax.title = tax.selectedOptions.length ? tax.selectedOptions[0].text : "";
      const hasProduct = Boolean(field(row, "product") && field(row, "product").value);
      row.classList.toggle("of-has-product", hasProduct);
      if (hasProduct || field(row, "kind").value !== "article") tax.removeAttribute("aria-required"); else tax.setAttribute("aria-required", "true");
    };
    const showDiscounts = () => block.classList.toggle("has-discount", all(body, '[name$="-discount"]').some((input) => input.value && input.value !== "0"));
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

    function setUpRow(row) {
      const product = field(row, "product");
      if (product) product.addEventListener("change", () => { mark(row); fill([row], false); });
      field(row, "tax").addEventListener("change", () => { field(row, "tax_is_manual").value = "True"; mark(row); refresh(); });
      all(row, "textarea").forEach((area) => { area.addEventListener("input", () => grow(area)); if (area.offsetParent) grow(area); widths.observe(area); });
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
    }

    block.addEventListener("click", (event) => {
      const adder = event.target.closest("[data-add]");
      if (adder) { add(adder.dataset.add); return; }
      if (event.target.closest("[data-show-discount]")) { block.classList.add("has-discount"); const first = body.querySelector('[name$="-discount"]'); if (first) first.focus(); return; }
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
    body.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input.of-input")) { event.preventDefault(); add("article"); }
    });
    const position = form.querySelector('[name="fiscal_position"]');
    if (position) position.addEventListener("change", () => {
      const free = all(body, "[data-row]").filter((row) => field(row, "product") && field(row, "product").value && !row.matches(".of-covered"));
      fill(free, true);
    });
    all(body, "[data-row]").forEach(setUpRow);
    const version = form.querySelector('[name="_version"]');
    if (version && !version.value && block === document.querySelector("[data-totals-url]") && !body.querySelector("[data-row]") && block.querySelector("[data-add=article]")) add("article", false); // a new document has a line ready
    showDiscounts();
    refresh();
  }

  element("of-lines", (block) => (block.dataset.totalsUrl ? setUpLines(block) : undefined));
})();
