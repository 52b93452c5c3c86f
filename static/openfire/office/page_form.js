/* The form of the page: whether it holds what is not saved, its saving without a reload, and the place one is at. */
"use strict";
(() => {
  const { all, notice, readPage, wait } = window.openfire;
  const MAY_BE_WRITTEN = "Le serveur n'a pas répondu : c'est peut-être enregistré, et votre saisie est toujours là. Vérifiez le réseau, puis enregistrez de nouveau.";

  /* What is not saved. Leaving then asks; an act never does. */
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
    all(document, "[data-unsaved]").forEach((mark) => { mark.hidden = !is; });
    all(document, ".of-save").forEach((button) => { button.classList.toggle("is-unsaved", is); });
  };
  function keepAsSaved() {
    const mark = pageMark();
    clean = !mark ? null : mark.dataset.pageForm === "typed" ? "" : valuesOf(mark.form);
    showUnsaved();
  }
  const showUnsavedSoon = wait(120, showUnsaved);
  ["input", "change", "click", "drop"].forEach((name) => document.addEventListener(name, showUnsavedSoon));
  window.addEventListener("beforeunload", (event) => { if (!isLeaving && isUnsaved()) event.preventDefault(); });
  window.addEventListener("pageshow", () => { isLeaving = false; });
  const leave = () => { isLeaving = true; };

  /* A form that came back from an act is at its own address again. */
  function takeOwnAddress() {
    const mark = pageMark();
    if (!mark || !mark.dataset.pageUrl) return;
    window.history.replaceState(null, "", mark.dataset.pageUrl);
    mark.form.setAttribute("action", mark.dataset.pageUrl);
  }

  /* The place one is at: what has the focus, its caret, what is open, how far the page is scrolled. */
  function placeOf() {
    const at = document.activeElement && document.activeElement.closest("#main") ? document.activeElement : null;
    return {
      id: at && at.id,
      name: at && at.getAttribute("name"),
      caret: at && "selectionStart" in at && typeof at.selectionStart === "number" ? [at.selectionStart, at.selectionEnd] : null,
      open: all(document, "#main details").map((group) => group.open && (!group.matches(".of-edit") || group.contains(at))), // the fields fold into the summary, unless one is in them
      top: window.scrollY,
    };
  }
  function comeBackTo(place) {
    const groups = all(document, "#main details");
    if (groups.length === place.open.length) groups.forEach((group, index) => { if (place.open[index]) group.open = true; });
    const named = place.name ? document.querySelector(`#main [name="${window.CSS.escape(place.name)}"]`) : null;
    const at = (place.id && document.getElementById(place.id)) || named;
    if (at && at.closest("#main")) {
      at.focus({ preventScroll: true });
      if (place.caret && typeof at.selectionStart === "number") at.setSelectionRange(...place.caret);
    }
    window.scrollTo({ top: place.top, behavior: "instant" });
  }

  /* Show the page that an answer holds in place of the present one. False when it holds none. */
  function showPage(page, url, place = placeOf()) {
    const fresh = page.getElementById("main");
    if (!fresh || !document.getElementById("main")) return false;
    document.getElementById("main").replaceWith(fresh);
    document.title = page.title;
    if (url) window.history.replaceState(window.history.state, "", url);
    takeOwnAddress();
    if (window.htmx) window.htmx.process(fresh);
    document.dispatchEvent(new CustomEvent("openfire:page"));
    keepAsSaved();
    comeBackTo(place);
    return true;
  }

  /* Go to an address. The record one is on is shown anew in its place; a page that stays under its dialogs is told. */
  function goTo(url, isLeaving = false) {
    const to = new URL(url, window.location.href);
    const staying = document.querySelector("[data-stays]");
    if (staying && !isLeaving && new RegExp(staying.dataset.stays).test(to.pathname)) { staying.dispatchEvent(new CustomEvent("openfire:done")); return Promise.resolve(); }
    if (to.pathname !== window.location.pathname || !document.getElementById("main")) { leave(); window.location = url; return Promise.resolve(); }
    if (!to.search) to.search = window.location.search; // its place in the list it was opened from
    const place = placeOf();
    return fetch(to).then((answer) => answer.text().then((text) => {
      if (!answer.ok || !showPage(readPage(text), answer.url, place)) { leave(); window.location = url; }
    })).catch(() => { leave(); window.location = url; });
  }

  /* Saving a record that exists. A new one is sent as the browser does: sent twice it would be two. */
  let isSaving = false;
  const savesInPlace = (form) => form === pageForm() && Boolean(form.querySelector('[name="_form"]'));
  const sentenceOf = (page) => { const said = page.querySelector("#content p, main p"); return said ? said.textContent.trim() : ""; };
  function save(form, submitter) {
    if (isSaving) return;
    isSaving = true;
    const place = placeOf();
    const body = new FormData(form);
    if (submitter && submitter.name) body.append(submitter.name, submitter.value);
    const [url] = window.location.href.split("#");
    form.inert = true;
    form.setAttribute("aria-busy", "true");
    const release = () => { form.inert = false; form.removeAttribute("aria-busy"); isSaving = false; };
    fetch(url, { method: "POST", body }).then((answer) => answer.text().then((text) => {
      release();
      if (answer.redirected && answer.url.includes("/login/")) { window.openfireSession.whenOpen(() => save(form, submitter), () => {}); return; }
      const page = readPage(text);
      if (answer.status < 500 && page.querySelector("#main [data-page-form], #main .of-head") && showPage(page, answer.url, place)) return;
      notice((answer.status < 500 || answer.status === 503) && sentenceOf(page) ? sentenceOf(page) : MAY_BE_WRITTEN);
    })).catch(() => { release(); notice(MAY_BE_WRITTEN); });
  }

  /* Files: the browser's own button speaks the browser's language; ours tells what was chosen. */
  document.addEventListener("change", (event) => {
    const label = event.target.closest(".of-file");
    if (!label) return;
    const names = Array.from(event.target.files, (file) => file.name).join(", ");
    const said = label.querySelector("small") || label.appendChild(document.createElement("small"));
    said.textContent = names;
  });
  /* The theme writes the name of a chosen file in a box of its own, which these do not have. */
  const setUpFiles = (root) => all(root, ".of-dialog input[type=file], .of-file input[type=file]").forEach((input) => { input.hasChangeListener = true; });
  document.addEventListener("DOMContentLoaded", () => { takeOwnAddress(); setUpFiles(document); });
  document.addEventListener("openfire:page", () => setUpFiles(document));

  const start = () => {
    keepAsSaved();
    const boxes = ":is(.of-choice-input, input:not([type=hidden]), select, textarea)";
    const faulty = [".of-error", "ul.errorlist"].map((css) => document.querySelector(`#content-main > form .of-value:has(${css}) ${boxes}`)).find(Boolean);
    const first = faulty || document.querySelector(`.of-edit[open] .of-group .of-value ${boxes}`) || document.querySelector(`#content-main > form ${boxes}`);
    const version = document.querySelector('#content-main [name="_version"]');
    if (first && version && !version.value && !window.location.hash) first.focus(); // a new record begins at its fault or its first box, not at its buttons
    all(document, 'input[name="q"], input[name="s"]').forEach((input) => { input.maxLength = 200; }); // what a search reads
    all(document, "#result_list [data-label]").forEach((cell) => { cell.dataset.label = cell.dataset.label.replace(/^./, (letter) => letter.toUpperCase()); });
  };
  if (document.readyState === "complete") start(); else window.addEventListener("load", start);

  /* Keyboard: Ctrl+S saves. */
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      const button = document.querySelector('.of-head [name="_save"]');
      if (button) { event.preventDefault(); button.click(); }
    }
  });

  Object.assign(window.openfire, { pageForm, isUnsaved, keepAsSaved, leave, goTo, showPage, save, savesInPlace, sentenceOf, setUpFiles });
})();
