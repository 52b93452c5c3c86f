/* Behaviour of the pages: dialogs, notebook, lines and their live totals, defaults. No dependency of its own. */
"use strict";
(() => {
  const $all = (root, selector) => Array.from(root.querySelectorAll(selector));
  const wait = (delay, run) => { let timer; return (...args) => { clearTimeout(timer); timer = setTimeout(() => run(...args), delay); }; };

  /* What a script changes in a box is told as if it had been typed: leaving the page then warns. */
  const tell = (input) => input.dispatchEvent(new Event("input", { bubbles: true }));
  window.addEventListener("load", () => {
    if (!window.django || !window.django.jQuery) return;
    window.django.jQuery(document).on("select2:select select2:unselect select2:clear", "form select", (event) => tell(event.target));
  });
  document.addEventListener("click", (event) => { // « Aujourd'hui », « Maintenant », a day of the calendar
    if (!event.target.closest(".datetimeshortcuts, .calendarbox, .clockbox")) return;
    setTimeout(() => $all(document, "input.vDateField, input.vTimeField").filter((input) => input.value !== input.defaultValue).forEach(tell), 0);
  });

  /* Files: the browser's own button speaks the browser's language; ours tells what was chosen. */
  document.addEventListener("change", (event) => {
    const label = event.target.closest(".of-file");
    if (!label) return;
    const names = Array.from(event.target.files, (file) => file.name).join(", ");
    const said = label.querySelector("small") || label.appendChild(document.createElement("small"));
    said.textContent = names;
  });

  /* Boxes one chooses in by typing: this page may lack their script, the act's own page has it. */
  const typed = (root) => $all(root, "select.admin-autocomplete:not([name*=__prefix__])");
  const canChoose = (root) => !typed(root).length || Boolean(window.django && window.django.jQuery && window.django.jQuery.fn.djangoAdminSelect2);
  function setUpChoices(content) {
    typed(content).forEach((select) => {
      select.dataset.dropdownParent = "dialog.of-modal"; // the page below a dialog does not answer
      window.django.jQuery(select).djangoAdminSelect2();
    });
  }

  /* The first key typed on a closed box opens it and searches. */
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest && event.target.closest(".select2-selection");
    if (!box || event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
    const select = box.closest(".select2-container").previousElementSibling;
    if (!select || !select.matches("select.select2-hidden-accessible")) return;
    event.preventDefault();
    window.django.jQuery(select).select2("open");
    const search = document.querySelector(".select2-container--open .select2-search__field");
    if (!search) return;
    search.value += event.key; // the focus comes later: quick keys still arrive here
    search.focus();
    window.django.jQuery(search).trigger("input");
  });

  /* unfold tells the name of a chosen file in a box of its own, which these do not have. */
  const setUpFiles = (root) => $all(root, ".of-dialog input[type=file], .of-file input[type=file]").forEach((input) => { input.hasChangeListener = true; });
  document.addEventListener("DOMContentLoaded", () => setUpFiles(document));

  /* The form of the page: whether it holds what is not saved. Leaving then asks, an act never does. */
  let clean = null;
  let isLeaving = false;
  const pageMark = () => document.querySelector("#content-main [data-page-form]");
  const pageForm = () => { const mark = pageMark(); return mark && mark.form; };
  const valuesOf = (form) => new URLSearchParams(Array.from(new FormData(form))
    .filter(([name]) => name !== "csrfmiddlewaretoken")
    .map(([name, value]) => [name, value instanceof File ? value.name : value])).toString();
  const isUnsaved = () => { const form = pageForm(); return Boolean(form) && clean !== null && valuesOf(form) !== clean; };
  const showUnsaved = () => {
    const is = isUnsaved();
    $all(document, "[data-unsaved]").forEach((mark) => { mark.hidden = !is; });
    $all(document, ".of-save").forEach((button) => { button.classList.toggle("is-unsaved", is); });
  };
  const showUnsavedSoon = wait(120, showUnsaved);
  function keepAsSaved() {
    const mark = pageMark();
    clean = !mark ? null : mark.dataset.pageForm === "typed" ? "" : valuesOf(mark.form);
    showUnsaved();
  }
  ["input", "change", "click", "drop"].forEach((name) => document.addEventListener(name, showUnsavedSoon));
  window.addEventListener("beforeunload", (event) => { if (!isLeaving && isUnsaved()) event.preventDefault(); });
  window.addEventListener("pageshow", () => { isLeaving = false; isOpening = false; });
  document.addEventListener("DOMContentLoaded", () => { // a form that came back from an act is at its own address again
    const mark = pageMark();
    if (!mark || !mark.dataset.pageUrl) return;
    window.history.replaceState(null, "", mark.dataset.pageUrl);
    mark.form.setAttribute("action", mark.dataset.pageUrl);
  });

  /* Dialogs: an action's page shown over the present one. Without script the link opens the page itself. */
  const HEADERS = { "X-Requested-With": "fetch" };
  const readPage = (text) => new DOMParser().parseFromString(text, "text/html");
  const leaveFor = (url) => { isLeaving = true; if (url === window.location.pathname + window.location.search) window.location.reload(); else window.location = url; };

  function notice(words) {
    const dialog = Object.assign(document.createElement("dialog"), { className: "of-modal" });
    const content = Object.assign(document.createElement("div"), { className: "of-dialog" });
    const foot = Object.assign(document.createElement("div"), { className: "of-dialog-foot" });
    const close = Object.assign(document.createElement("button"), { type: "button", className: "of-button of-button-main", textContent: "Revenir à la page" });
    close.dataset.close = "";
    foot.append(close);
    const refusal = Object.assign(document.createElement("p"), { className: "of-refusal", textContent: words });
    refusal.setAttribute("role", "alert");
    content.append(refusal, foot);
    dialog.append(content);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    close.focus();
  }
  const MAY_BE_DONE = "Le serveur n'a pas répondu : c'est peut-être fait. Appuyez de nouveau sur le même bouton, cela ne se fera pas deux fois ; sinon rechargez la fiche avant de recommencer.";
  const MAY_BE_WRITTEN = "Le serveur n'a pas répondu : c'est peut-être enregistré. Rechargez la fiche avant de recommencer.";
  const NO_ANSWER = "Le serveur ne répond pas : rien n'est fait, et votre saisie est toujours là. Vérifiez le réseau, puis recommencez.";

  function fill(dialog, content) {
    dialog.replaceChildren(content);
    setUpFiles(dialog);
    setUpChoices(content);
    setUp(content);
    const first = content.querySelector("[aria-invalid=true], .errors :is(input, select, textarea), input:not([type=hidden]), select, textarea") || content.querySelector("button");
    if (first) first.focus();
  }

  function showDialog(content) {
    const dialog = document.createElement("dialog");
    dialog.className = "of-modal";
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    fill(dialog, content);
  }

  /* Send a form as the browser does, with the button that was pressed: what comes back is a page. */
  function sendAsPage(form, url, submitter) {
    isLeaving = true;
    if (submitter && submitter.name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name, value: submitter.value }));
    form.removeAttribute("x-bind:action");
    form.setAttribute("action", url);
    form.submit();
  }

  /* The page's form goes with the acts on its own record. */
  function goesAlong(url) {
    const form = pageForm();
    const own = window.location.pathname.replace(/[^/]+\/$/, "");
    return form && form.querySelector('[name="_form"]') && new URL(url, window.location.href).pathname.startsWith(own + "act/") ? form : null;
  }

  let isOpening = false;
  const directKeys = {}; // a second press, when no answer came, is the same act
  function openDialog(url, actsAtOnce = false) {
    if (isOpening) return;
    isOpening = true;
    const form = goesAlong(url);
    const isTyped = form && isUnsaved();
    const body = form && new FormData(form);
    const isDirect = actsAtOnce && Boolean(form);
    if (isDirect) { body.append("_confirmed", "1"); body.append("_once", (directKeys[url] ??= `${Date.now()}-${Math.random()}`)); }
    const asked = form ? fetch(url, { method: "POST", headers: HEADERS, body }) : fetch(url, { headers: HEADERS });
    asked.then((answer) => answer.text().then((text) => {
      if (answer.redirected && answer.url.includes("/login/")) { window.openfireSession.whenOpen(() => openDialog(url, actsAtOnce), () => {}); return; }
      if ((answer.headers.get("Content-Type") || "").includes("json")) { leaveFor(JSON.parse(text).location); return; }
      const content = readPage(text).getElementById("dialog-content");
      if (content && canChoose(content)) { showDialog(content); return; }
      if (answer.status >= 500) { notice(isDirect ? MAY_BE_DONE : NO_ANSWER); return; }
      if (form && !content) { sendAsPage(form, url); return; }
      if (isTyped) { notice("Enregistrez d'abord la fiche : cette action s'ouvre sur sa propre page."); return; }
      window.location = url;
    })).catch(() => notice(isDirect ? MAY_BE_DONE : NO_ANSWER)).finally(() => { if (!isLeaving) isOpening = false; });
  }

  /* The step of a refusal that is a box or a tab of this page: the dialog closes and the box is ready to be typed in. */
  function goTo(id) {
    const tab = id.startsWith("tab-") ? document.getElementById(id) : null;
    if (tab) { tab.click(); const first = document.querySelector(`#page-${id.slice(4)} [data-add], #page-${id.slice(4)} :is(input:not([type=hidden]), select, textarea)`); (first || tab).focus(); return true; }
    const found = document.getElementById(id) || document.getElementById(id + "_0");
    if (!found) return false;
    const folded = found.closest("details");
    if (folded) folded.open = true;
    const page = found.closest(".of-page");
    if (page && page.hidden) document.getElementById("tab-" + page.id.slice(5)).click();
    const box = found.classList.contains("select2-hidden-accessible") ? found.parentElement.querySelector(".select2-selection") : found;
    box.scrollIntoView({ block: "center" });
    box.focus();
    return true;
  }
  window.addEventListener("load", () => { if (/^#(id_|tab-)/.test(window.location.hash)) goTo(window.location.hash.slice(1)); });

  document.addEventListener("click", (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && event.button === 0;
    const step = event.target.closest("a[data-target]");
    if (step && isPlain && new URL(step.href).pathname === window.location.pathname) {
      const over = step.closest("dialog");
      event.preventDefault();
      if (over) over.close();
      goTo(step.dataset.target);
      return;
    }
    const opener = event.target.closest("a[data-dialog]");
    if (opener && isPlain) {
      const over = opener.closest("dialog");
      event.preventDefault();
      if (over) over.close();
      openDialog(opener.href, opener.hasAttribute("data-direct"));
      return;
    }
    const closer = event.target.closest("[data-close]");
    if (closer && closer.closest("dialog")) { event.preventDefault(); closer.closest("dialog").close(); }
  });

  /* An answer of a dialog: done, the page is opened anew; a refusal, a fault or a preview stays in the dialog; faults of
     the page's form show on the form. */
  function sendDialog(dialog, form, submitter) {
    const data = new FormData(form);
    if (submitter && submitter.name) data.append(submitter.name, submitter.value);
    $all(form, "button").forEach((button) => { button.disabled = true; });
    const again = () => $all(form, "button").forEach((button) => { button.disabled = false; });
    fetch(form.getAttribute("action"), { method: "POST", headers: HEADERS, body: data }).then((answer) => answer.text().then((text) => {
      if ((answer.headers.get("Content-Type") || "").includes("json")) { leaveFor(JSON.parse(text).location); return; }
      const content = readPage(text).getElementById("dialog-content");
      if (content) { fill(dialog, content); return; }
      if (answer.status >= 500) { again(); notice(MAY_BE_DONE); return; }
      sendAsPage(form, form.getAttribute("action"), submitter);
    })).catch(() => { again(); notice(MAY_BE_DONE); });
  }

  /* Notes, files and what is to be done: their part of the page is shown anew, what is typed above stays. */
  function sendRecords(form) {
    const part = form.closest(".of-records");
    $all(form, "button").forEach((button) => { button.disabled = true; });
    const again = () => $all(form, "button").forEach((button) => { button.disabled = false; });
    fetch(form.getAttribute("action"), { method: "POST", body: new FormData(form) }).then((answer) => answer.text().then((text) => {
      const page = readPage(text);
      const fresh = page.querySelector(".of-records");
      if (!answer.ok || !fresh) {
        again();
        const said = page.querySelector("#content p, main p");
        notice(answer.status < 500 && said ? said.textContent.trim() : MAY_BE_WRITTEN);
        return;
      }
      part.replaceWith(fresh);
      setUpFiles(fresh);
      const [was, is] = [document, page].map((root) => root.querySelector("[data-messages]"));
      if (was && is) was.replaceChildren(...is.childNodes);
    })).catch(() => { again(); notice(MAY_BE_WRITTEN); });
  }

  /* A form is sent once, however often its button is pressed. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = form.dataset.confirm;
    if (question && !window.confirm(question)) { event.preventDefault(); return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    const dialog = form.closest("dialog.of-modal");
    if (dialog) { event.preventDefault(); sendDialog(dialog, form, event.submitter); return; }
    if (form.closest(".of-records")) { event.preventDefault(); sendRecords(form); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 8000); // no answer came: the button works again
    if (form === pageForm()) isLeaving = true;
    if (event.submitter && event.submitter.hasAttribute("data-once")) {
      const button = event.submitter;
      setTimeout(() => { button.disabled = true; }, 0);
      setTimeout(() => { button.disabled = false; }, 8000);
    }
  });
  window.addEventListener("pageshow", () => $all(document, "form[data-sent]").forEach((form) => { delete form.dataset.sent; }));

  /* Notebook: the page with errors first, else the one last open here. */
  function setUpNotebook(notebook) {
    const key = "notebook:" + window.location.pathname.replace(/\d+/g, "#");
    const show = (slug) => {
      $all(notebook, "[data-tab]").forEach((tab) => tab.setAttribute("aria-selected", String(tab.dataset.tab === slug)));
      $all(notebook, ".of-page").forEach((page) => { page.hidden = page.id !== "page-" + slug; });
    };
    const slugs = $all(notebook, "[data-tab]").map((tab) => tab.dataset.tab);
    const wrong = notebook.querySelector("[data-errors]");
    const wanted = wrong ? wrong.id.slice(5) : window.location.hash.startsWith("#tab-") ? window.location.hash.slice(5) : sessionStorage.getItem(key);
    if (slugs.includes(wanted)) show(wanted);
    notebook.addEventListener("click", (event) => {
      const tab = event.target.closest("[data-tab]");
      if (tab) { show(tab.dataset.tab); sessionStorage.setItem(key, tab.dataset.tab); }
    });
    notebook.addEventListener("keydown", (event) => {
      if (!event.target.matches("[data-tab]") || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const index = slugs.indexOf(event.target.dataset.tab) + (event.key === "ArrowRight" ? 1 : -1);
      const tab = notebook.querySelector(`[data-tab="${slugs[(index + slugs.length) % slugs.length]}"]`);
      tab.focus(); tab.click();
    });
  }

  /* Fields asked for with certain values of another: a SIREN for a firm. */
  function setUpAsked(root) {
    $all(root, ".of-must[data-when]").forEach((mark) => {
      const asked = document.getElementById(mark.closest("label").htmlFor);
      const other = document.querySelector(`[name="${mark.dataset.when}"]`);
      if (!asked || !other) return;
      const show = () => {
        mark.hidden = !mark.dataset.values.split(" ").includes(other.value);
        if (mark.hidden) asked.removeAttribute("aria-required"); else asked.setAttribute("aria-required", "true");
      };
      other.addEventListener("change", show);
      show();
    });
  }

  /* Lines */
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
      $all(block, "[name]:disabled").forEach((input) => data.append(input.name, input.value));
      fetch(block.dataset.totalsUrl, { method: "POST", body: data }).then((answer) => answer.ok ? answer.json() : null).then((answer) => {
        if (!answer) return;
        $all(body, "[data-row]").forEach((row) => {
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
    const showDiscounts = () => block.classList.toggle("has-discount", $all(body, '[name$="-discount"]').some((input) => input.value && input.value !== "0"));
    const renumber = () => $all(body, "[data-row]").forEach((row, index) => { field(row, "position").value = index + 1; });

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
      if (product && window.django && window.django.jQuery) {
        const $product = window.django.jQuery(product);
        if (!$product.hasClass("select2-hidden-accessible") && $product.djangoAdminSelect2) $product.djangoAdminSelect2();
        $product.on("select2:select select2:clear", () => { mark(row); fill([row], false); });
      }
      field(row, "tax").addEventListener("change", () => { field(row, "tax_is_manual").value = "True"; mark(row); refresh(); });
      $all(row, "textarea").forEach((area) => { area.addEventListener("input", () => grow(area)); if (area.offsetParent) grow(area); widths.observe(area); });
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
      field(row, "position").value = $all(body, "[data-row]").length;
      setUpRow(row);
      const start = kind === "article" ? row.querySelector(".select2-selection") : field(row, "label");
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
      const free = $all(body, "[data-row]").filter((row) => field(row, "product") && field(row, "product").value && !row.matches(".of-covered"));
      fill(free, true);
    });
    $all(body, "[data-row]").forEach(setUpRow);
    const version = form.querySelector('[name="_version"]');
    if (version && !version.value && block === document.querySelector("[data-totals-url]") && !body.querySelector("[data-row]") && block.querySelector("[data-add=article]")) add("article", false); // a new document has a line ready
    showDiscounts();
    refresh();
  }

  /* Defaults: choosing a customer or a task fills what is still empty. */
  function setUpDefaults(form, url) {
    let filling = false;
    const set = (name, item) => {
      const target = form.querySelector(`[name="${name}"]`);
      if (!target || target.value) return;
      if (target.tagName === "SELECT") {
        if (!$all(target, "option").some((option) => option.value === String(item.value))) target.append(new Option(item.text, item.value));
        target.value = item.value;
        if (window.django && window.django.jQuery) window.django.jQuery(target).trigger("change");
        target.dispatchEvent(new Event("change", { bubbles: true }));
      } else { target.value = item.value; }
    };
    const ask = (name, isPreset = false) => {
      const query = new URLSearchParams({ field: name });
      $all(form, "input[name], select[name]").forEach((input) => {
        if (!/^\w+-(\d+|__prefix__|[A-Z_]+)-?/.test(input.name) && !input.name.startsWith("_") && input.name !== "csrfmiddlewaretoken" && input.value) query.append(input.name, input.value);
      });
      const wasUnsaved = isUnsaved();
      fetch(url + "?" + query).then((answer) => answer.ok ? answer.json() : {}).then((found) => {
        filling = true;
        Object.entries(found).forEach(([key, item]) => set(key, item));
        filling = false;
        if (isPreset && !wasUnsaved) keepAsSaved();
      }).catch(() => {}); // the page was left meanwhile
    };
    const preset = form.querySelector('[name="partner"]');
    const version = form.querySelector('[name="_version"]');
    if (preset && preset.value && version && !version.value) ask("partner", true);
    ["partner", "customer", "payer", "task", "template", "from_on", "equipment"].forEach((name) => {
      const input = form.querySelector(`[name="${name}"]`);
      if (!input) return;
      if (input.tagName === "SELECT" && window.django && window.django.jQuery) window.django.jQuery(input).on("select2:select", () => ask(name));
      input.addEventListener("change", () => { if (!filling) ask(name); });
    });
  }

  function setUp(root) {
    $all(root, "[data-notebook]").forEach(setUpNotebook);
    $all(root, "[data-totals-url]").forEach(setUpLines);
    setUpAsked(root);
    $all(root, "form [data-defaults-from]").forEach((mark) => setUpDefaults(mark.closest("form"), mark.dataset.defaultsFrom));
  }
  const start = () => {
    setUp(document);
    keepAsSaved();
    const boxes = ":is(.select2-selection, input:not([type=hidden]), select:not(.select2-hidden-accessible), textarea)";
    const first = document.querySelector(`.of-edit[open] .of-group .of-value ${boxes}`) || document.querySelector(`#content-main > form ${boxes}`);
    const version = document.querySelector('#content-main [name="_version"]');
    if (first && version && !version.value && !window.location.hash) first.focus(); // a new record begins at its first box, not at its buttons
    $all(document, 'input[name="q"], input[name="s"]').forEach((input) => { input.maxLength = 200; }); // what a search reads
    $all(document, "#result_list [data-label]").forEach((cell) => { cell.dataset.label = cell.dataset.label.replace(/^./, (first) => first.toUpperCase()); });
  };
  if (document.readyState === "complete") start(); else window.addEventListener("load", start);

  /* Keyboard: Ctrl+S saves. */
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      const save = document.querySelector('.of-head [name="_save"]');
      if (save) { event.preventDefault(); save.click(); }
    }
  });
})();
