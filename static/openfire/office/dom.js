/* What the scripts of the office share: finding, waiting, pages read from an answer, notices, custom elements. */
"use strict";
(() => {
  const all = (root, selector) => Array.from(root.querySelectorAll(selector));
  const wait = (delay, run) => { let timer; return (...args) => { clearTimeout(timer); timer = setTimeout(() => run(...args), delay); }; };
  const readPage = (text) => new DOMParser().parseFromString(text, "text/html");

  /* Scroll a row of chips or tabs, and nothing around it, until one of them is in its middle. */
  const reveal = (row, one) => {
    const [around, box] = [row.getBoundingClientRect(), one.getBoundingClientRect()];
    row.scrollLeft += box.left - around.left - (around.width - box.width) / 2;
  };

  /* Tell the page that a script changed a box, as typing does: the form then counts as changed. */
  const tell = (input) => input.dispatchEvent(new Event("input", { bubbles: true }));

  /* Define a custom element. `connect(element)` runs whenever one comes into the page (first load, swap, dialog); it may
     return a function, which runs when that element leaves the page. Its children exist by then. */
  function element(name, connect) {
    const define = () => window.customElements.define(name, class extends HTMLElement {
      connectedCallback() { this.disconnect = connect(this); }

      disconnectedCallback() { if (this.disconnect) this.disconnect(); this.disconnect = null; }
    });
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", define, { once: true }); else define();
  }

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
    return dialog;
  }

  window.openfire = { all, wait, readPage, reveal, tell, element, notice };
})();
