/* Acts: their dialogs over the page, and what their answers do. Without script the link of an act opens its own page. */
"use strict";
(() => {
  const { all, goTo, isUnsaved, leave, notice, pageForm, readPage, savesInPlace, sentenceOf, setUpFiles, showPage } = window.openfire;

  const HEADERS = { "X-Requested-With": "fetch" };
  const MAY_BE_DONE = "Le serveur n'a pas répondu : c'est peut-être fait. Appuyez de nouveau sur le même bouton, cela ne se fera pas deux fois ; sinon rechargez la fiche avant de recommencer.";
  const MAY_BE_WRITTEN = "Le serveur n'a pas répondu : c'est peut-être enregistré. Rechargez la fiche avant de recommencer.";
  const NO_ANSWER = "Le serveur ne répond pas : rien n'est fait, et votre saisie est toujours là. Vérifiez le réseau, puis recommencez.";

  const SAVE_FIRST = "Enregistrez d'abord la fiche : cette action s'ouvre sur sa propre page.";

  let isOpening = false;

  function fill(dialog, content) {
    dialog.replaceChildren(content);
    setUpFiles(dialog);
    const first = ["[autofocus]", "[aria-invalid=true], .errors :is(input, select, textarea)", "input:not([type=hidden]), select, textarea"].map((boxes) => content.querySelector(boxes)).find(Boolean) || content.querySelector("button");
    if (first) first.focus();
  }

  function showDialog(content) {
    const dialog = document.createElement("dialog");
    dialog.className = "of-modal";
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    fill(dialog, content);
    return dialog;
  }

  /* Open the panel that creates a record. `onMade` gets it as a choice, or null when the panel is closed without one. */
  function openPanel(url, onMade) {
    if (isOpening) return;
    isOpening = true;
    const fail = (words) => notice(words).addEventListener("close", () => onMade(null));
    fetch(url, { headers: HEADERS }).then((answer) => answer.text().then((text) => {
      if (answer.redirected && answer.url.includes("/login/")) { window.openfireSession.whenOpen(() => openPanel(url, onMade), () => onMade(null)); return; }
      const page = readPage(text);
      const content = page.getElementById("dialog-content");
      if (!content) { fail(answer.status < 500 && sentenceOf(page) ? sentenceOf(page) : NO_ANSWER); return; }
      let made = null;
      const dialog = showDialog(content);
      dialog.addEventListener("of:made", (event) => { made = event.detail; dialog.close(); });
      dialog.addEventListener("close", () => onMade(made));
    })).catch(() => fail(NO_ANSWER)).finally(() => { isOpening = false; });
  }

  /* Send a form as the browser does, with the button that was pressed: what comes back is a page. */
  function sendAsPage(form, url, submitter) {
    leave();
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
      if ((answer.headers.get("Content-Type") || "").includes("json")) { goTo(JSON.parse(text).location); return; }
      const content = readPage(text).getElementById("dialog-content");
      if (content) { showDialog(content); return; }
      if (answer.status >= 500) { notice(isDirect ? MAY_BE_DONE : NO_ANSWER); return; }
      if (form && !content && showPage(readPage(text))) return; // the form, with its faults
      if (isTyped) { notice(SAVE_FIRST); return; }
      window.location = url;
    })).catch(() => notice(isDirect ? MAY_BE_DONE : NO_ANSWER)).finally(() => { isOpening = false; });
  }

  /* The step of a refusal that is a box or a tab of this page: the dialog closes and the box is ready to be typed in. */
  function goToPart(id) {
    const tab = id.startsWith("tab-") ? document.getElementById(id) : null;
    if (tab) { tab.click(); const first = document.querySelector(`#page-${id.slice(4)} [data-add], #page-${id.slice(4)} :is(input:not([type=hidden]), select, textarea)`); (first || tab).focus(); return true; }
    const found = document.getElementById(id) || document.getElementById(id + "_0");
    if (!found) return false;
    const folded = found.closest("details");
    if (folded) folded.open = true;
    const page = found.closest(".of-page");
    if (page && page.hidden) document.getElementById("tab-" + page.id.slice(5)).click();
    found.scrollIntoView({ block: "center" });
    found.focus();
    return true;
  }
  window.addEventListener("load", () => { if (/^#(id_|tab-)/.test(window.location.hash)) goToPart(window.location.hash.slice(1)); });

  document.addEventListener("click", (event) => {
    const isPlain = !event.ctrlKey && !event.metaKey && event.button === 0;
    const step = event.target.closest("a[data-target]");
    if (step && isPlain && new URL(step.href).pathname === window.location.pathname) {
      const over = step.closest("dialog");
      event.preventDefault();
      if (over) over.close();
      goToPart(step.dataset.target);
      return;
    }
    const opener = event.target.closest("a[data-dialog]");
    if (opener && isPlain) {
      const over = opener.closest("dialog");
      event.preventDefault();
      if (opener.hasAttribute("data-saved") && isUnsaved()) { notice(SAVE_FIRST); return; }
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
    all(form, "button").forEach((button) => { button.disabled = true; });
    const again = () => all(form, "button").forEach((button) => { button.disabled = false; });
    fetch(form.getAttribute("action"), { method: "POST", headers: HEADERS, body: data }).then((answer) => answer.text().then((text) => {
      if ((answer.headers.get("Content-Type") || "").includes("json")) {
        const { chosen, location } = JSON.parse(text);
        if (chosen) { dialog.dispatchEvent(new CustomEvent("of:made", { detail: chosen })); return; }
        dialog.close();
        goTo(location, Boolean(submitter && submitter.hasAttribute("data-opens")));
        return;
      }
      const page = readPage(text);
      const content = page.getElementById("dialog-content");
      if (content) { fill(dialog, content); return; }
      if (answer.status >= 500) { again(); notice(MAY_BE_DONE); return; }
      if (form.hasAttribute("data-creation")) { again(); notice(sentenceOf(page) || MAY_BE_DONE); return; } // the page under it stays
      if (page.querySelector("#main [data-page-form]")) { dialog.close(); showPage(page); return; } // the form, with its faults
      sendAsPage(form, form.getAttribute("action"), submitter);
    })).catch(() => { again(); notice(MAY_BE_DONE); });
  }

  Object.assign(window.openfire, { openPanel });

  /* Notes, files and what is to be done: their part of the page is shown anew, what is typed above stays. */
  function sendRecords(form) {
    const part = form.closest(".of-records");
    all(form, "button").forEach((button) => { button.disabled = true; });
    const again = () => all(form, "button").forEach((button) => { button.disabled = false; });
    fetch(form.getAttribute("action"), { method: "POST", body: new FormData(form) }).then((answer) => answer.text().then((text) => {
      const page = readPage(text);
      const fresh = page.querySelector(".of-records");
      if (!answer.ok || !fresh) {
        again();
        notice(answer.status < 500 && sentenceOf(page) ? sentenceOf(page) : MAY_BE_WRITTEN);
        return;
      }
      part.replaceWith(fresh);
      setUpFiles(fresh);
      const [was, is] = [document, page].map((root) => root.querySelector("[data-messages]"));
      if (was && is) { was.replaceChildren(...is.childNodes); document.dispatchEvent(new CustomEvent("openfire:page")); }
    })).catch(() => { again(); notice(MAY_BE_WRITTEN); });
  }

  /* A form is sent once, however often its button is pressed. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const question = form.dataset.confirm;
    if (question && !window.confirm(question)) { event.preventDefault(); return; }
    if (form.dataset.sent || form.inert) { event.preventDefault(); return; }
    const dialog = form.closest("dialog.of-modal");
    if (dialog) { event.preventDefault(); sendDialog(dialog, form, event.submitter); return; }
    if (form.hasAttribute("data-undo")) { event.preventDefault(); window.openfire.undo(form); return; }
    if (savesInPlace(form)) { event.preventDefault(); window.openfire.save(form, event.submitter); return; }
    if (form.closest(".of-records")) { event.preventDefault(); sendRecords(form); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 8000); // no answer came: the button works again
    if (form === pageForm()) leave();
    if (event.submitter && event.submitter.hasAttribute("data-once")) {
      const button = event.submitter;
      setTimeout(() => { button.disabled = true; }, 0);
      setTimeout(() => { button.disabled = false; }, 8000);
    }
  });
  window.addEventListener("pageshow", () => all(document, "form[data-sent]").forEach((form) => { delete form.dataset.sent; }));
})();
