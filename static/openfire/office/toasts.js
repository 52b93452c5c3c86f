/* What was done is said in toasts: they leave by themselves after ten seconds, while nobody points at them. What was
   refused stays over the document. */
"use strict";
(() => {
  const { all, goTo, isUnsaved, notice } = window.openfire;
  const SHOWN_FOR = 10000;
  let region = null;

  function place() {
    if (region && region.isConnected) return region;
    region = Object.assign(document.createElement("section"), { className: "of-toasts", tabIndex: -1 });
    region.setAttribute("role", "status");
    region.setAttribute("aria-label", "Ce qui vient d'être fait");
    document.body.append(region);
    return region;
  }

  /* The time runs only while neither the pointer nor the focus is in the toast. */
  function leaveLater(toast) {
    let left = SHOWN_FOR;
    let since = Date.now();
    let timer = setTimeout(() => toast.remove(), left);
    const hold = () => { clearTimeout(timer); left -= Date.now() - since; };
    const go = () => { since = Date.now(); clearTimeout(timer); timer = setTimeout(() => toast.remove(), Math.max(left, 1500)); };
    toast.addEventListener("mouseenter", hold);
    toast.addEventListener("focusin", hold);
    toast.addEventListener("mouseleave", go);
    toast.addEventListener("focusout", go);
  }

  function show(message) {
    const toast = Object.assign(document.createElement("div"), { className: "of-toast" });
    toast.append(...message.childNodes);
    const close = Object.assign(document.createElement("button"), { type: "button", className: "of-quiet", textContent: "×" });
    close.setAttribute("aria-label", "Fermer");
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    place().append(toast);
    while (region.children.length > 3) region.firstElementChild.remove();
    leaveLater(toast);
  }

  function moveMessages() {
    all(document, "#main [data-message=success], #main [data-message=info]").forEach((message) => {
      const list = message.parentElement;
      show(message);
      message.remove();
      if (!list.children.length) list.remove();
    });
  }
  document.addEventListener("DOMContentLoaded", moveMessages);
  document.addEventListener("openfire:page", moveMessages);

  /* F6 goes to the toasts; Ctrl+Z, outside a box one types in, undoes the last act that can be. */
  document.addEventListener("keydown", (event) => {
    if (!region || !region.isConnected || !region.children.length) return;
    if (event.key === "F6") { event.preventDefault(); (region.lastElementChild.querySelector("a, button") || region).focus(); return; }
    if (!(event.ctrlKey || event.metaKey) || event.key !== "z" || event.target.closest("input, select, textarea, [contenteditable]")) return;
    const undo = all(region, "form[data-undo]").pop();
    if (undo) { event.preventDefault(); undo.requestSubmit(); }
  });

  /* « Annuler » goes back to the record as it was, which would lose what is typed since. */
  window.openfire.undo = (form) => {
    if (isUnsaved()) { notice("La fiche a été modifiée depuis, sans être enregistrée. Enregistrez-la, ou rechargez la page pour abandonner la saisie : ensuite seulement l'action s'annule, si moins d'une minute a passé."); return; }
    form.inert = true;
    fetch(form.getAttribute("action"), { method: "POST", headers: { "X-Requested-With": "fetch" }, body: new FormData(form) })
      .then((answer) => answer.json().then((found) => goTo(found.location)).then(() => form.closest(".of-toast, .of-message").remove()))
      .catch(() => { form.inert = false; notice("Le serveur n'a pas répondu : c'est peut-être annulé. Appuyez de nouveau sur « Annuler », cela ne se fera pas deux fois."); });
  };
})();
