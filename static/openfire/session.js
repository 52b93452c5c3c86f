/* Before a form is sent, the page asks whether its session is over. If so, the password is asked in a dialog over the
   page, and the form goes on with what was typed. */
"use strict";
(() => {
  const place = () => document.querySelector("[data-session]");
  const text = (tag, content, css) => Object.assign(document.createElement(tag), { textContent: content, className: css || "" });

  /* The forms of the page get the token that goes with the present session. */
  const renew = (token) => document.querySelectorAll('input[name="csrfmiddlewaretoken"]').forEach((input) => { input.value = token; });

  function state() {
    const { session, sessionUser } = place().dataset;
    return fetch(`${session}?user=${encodeURIComponent(sessionUser)}`, { headers: { "X-Background": "1" } })
      .then((answer) => answer.json()).then((found) => { renew(found.csrf); return found; });
  }

  function box(name, label, type) {
    const field = document.createElement("div");
    field.className = "of-field";
    const input = Object.assign(document.createElement("input"), { name, type, required: true, id: `session-${name}` });
    input.autocomplete = type === "password" ? "current-password" : "one-time-code";
    const title = text("label", label);
    title.htmlFor = input.id;
    field.append(title, input);
    return field;
  }

  /* Resolves once the user has logged in again; rejects when the dialog is closed: nothing is sent, nothing is lost. */
  let asked = null; // one dialog, however many requests wait for it
  function ask() {
    asked ??= open().finally(() => { asked = null; });
    return asked;
  }

  function open() {
    return new Promise((resolve, reject) => {
      const { session, sessionUser } = place().dataset;
      const dialog = Object.assign(document.createElement("dialog"), { className: "of-modal of-session" });
      const form = Object.assign(document.createElement("form"), { className: "of-dialog", method: "dialog" });
      const fields = document.createElement("div");
      const refusal = text("p", "", "of-refusal refusal");
      refusal.setAttribute("role", "alert");
      refusal.hidden = true;
      fields.append(box("password", "Mot de passe", "password"));
      const foot = text("div", "", "of-dialog-foot");
      const back = Object.assign(text("button", "Revenir à la page", "of-button"), { type: "button" });
      const go = Object.assign(text("button", "Continuer", "of-button of-button-main main"), { type: "submit" });
      foot.append(back, go);
      form.append(text("h2", "Votre session est terminée"),
        text("p", `Rien n'est perdu : donnez le mot de passe de « ${sessionUser} », et votre saisie part.`), refusal, fields, foot);
      dialog.append(form);
      let proof = "";
      let isDone = false;
      back.addEventListener("click", () => dialog.close());
      dialog.addEventListener("close", () => { dialog.remove(); if (!isDone) reject(new Error("closed")); });
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopPropagation();
        const data = new FormData(form);
        data.append("username", sessionUser);
        data.append("proof", proof);
        go.disabled = true;
        state().then((found) => {
          data.append("csrfmiddlewaretoken", found.csrf);
          return fetch(session, { method: "POST", body: data });
        }).then((answer) => answer.json()).then((found) => {
          renew(found.csrf);
          if (!found.is_over) { isDone = true; dialog.close(); resolve(); return; }
          refusal.textContent = found.errors.join(" ");
          refusal.hidden = false;
          proof = found.proof;
          fields.replaceChildren(found.asks_code ? box("code", "Code", "text") : box("password", "Mot de passe", "password"));
          fields.querySelector("input").focus();
        }).catch(() => {
          refusal.textContent = "Le serveur ne répond pas : vérifiez le réseau, puis recommencez.";
          refusal.hidden = false;
        }).finally(() => { go.disabled = false; });
      });
      document.body.append(dialog);
      dialog.showModal();
      fields.querySelector("input").focus();
    });
  }

  /* Runs `go` when the session is open, at once or after the password. Without an answer `go` runs too: what it sends says what is wrong. */
  function whenOpen(go, stop) {
    state().catch(() => ({ is_over: false })).then((found) => (found.is_over ? ask() : null)).then(go, stop);
  }

  const passes = new WeakSet(); // forms on their way, whose session was asked
  const asking = new WeakSet();

  /* Nothing else of the form is pressed while its session is asked: such a press would be lost. Its buttons keep the focus,
     which those that are disabled lose. */
  function block(form) {
    const buttons = Array.from(form.elements).filter((one) => one.type === "submit");
    asking.add(form);
    buttons.forEach((button) => { button.setAttribute("aria-disabled", "true"); });
    return () => { asking.delete(form); buttons.forEach((button) => { button.removeAttribute("aria-disabled"); }); };
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const of = (name) => form.getAttribute(name) || ""; // form.action may be one of its fields
    if (!place() || of("method").toLowerCase() !== "post" || event.defaultPrevented) return;
    if (of("id") === "logout-form" || form.closest(".of-session")) return;
    if (new URL(of("action"), window.location.href).origin !== window.location.origin) return;
    if (passes.delete(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (asking.has(form)) return;
    const release = block(form);
    const button = event.submitter;
    whenOpen(() => {
      release();
      passes.add(form);
      if (button && button.isConnected) form.requestSubmit(button); else form.requestSubmit();
      passes.delete(form);
    }, release);
  }, true);

  window.openfireSession = { whenOpen };
})();
