/* Panels that create a record from the box that searched for it: what is similar while one types, and what is chosen. */
"use strict";
(() => {
  const { element, wait } = window.openfire;
  const DELAY = 350; // ms between the last key and the question

  function connectSimilar(part) {
    const form = part.closest("form");
    let asked = null;
    const ask = wait(DELAY, () => {
      if (!part.isConnected) return;
      if (asked) asked.abort();
      const own = new AbortController();
      asked = own;
      const body = new FormData(form);
      body.append("_preview", "1");
      fetch(form.getAttribute("action"), { method: "POST", body, signal: own.signal }).then((answer) => (answer.ok && !answer.redirected ? answer.text() : null)).then((text) => {
        if (text !== null && asked === own) part.innerHTML = text;
      }).catch(() => {}); // the creation itself says that the network is gone
    });
    form.addEventListener("input", ask);
    return () => { if (asked) asked.abort(); };
  }
  element("of-similar", connectSimilar);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choose]");
    const dialog = button && button.closest("dialog");
    if (!dialog) return;
    dialog.dispatchEvent(new CustomEvent("of:made", { detail: JSON.parse(button.dataset.choose) }));
  });

  /* The customer of the record to create: the first of the boxes named that is filled. */
  const ownerIn = (form, names) => names.map((name) => form && form.elements.namedItem(name)).find((box) => box && box.value);

  /* Return the address of the panel for what was typed in a box; "" when the page names no customer yet. */
  function creationUrl(creation, box, term) {
    const form = box.closest("form");
    const query = new URLSearchParams({ term });
    if (creation.owners.length) {
      const owner = ownerIn(form, creation.owners);
      if (!owner) return "";
      query.append("partner", owner.value);
      const address = ownerIn(form, ["address"]);
      if (address) query.append("address", address.value);
    }
    return `${creation.url}?${query}`;
  }

  Object.assign(window.openfire, { creationUrl });
})();
