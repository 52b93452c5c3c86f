/* What a field fills in the others, and the fields asked for with certain values of another. */
"use strict";
(() => {
  const { all, element, isUnsaved, keepAsSaved } = window.openfire;

  function setUpDefaults(form, url) {
    let filling = false;
    const set = (name, item) => {
      const target = form.querySelector(`[name="${name}"]`);
      if (!target || target.value) return;
      if (target.tagName === "SELECT") {
        if (!all(target, "option").some((option) => option.value === String(item.value))) target.append(new Option(item.text, item.value));
        target.value = item.value;
        target.dispatchEvent(new Event("change", { bubbles: true }));
      } else { target.value = item.value; }
    };
    const ask = (name, isPreset = false) => {
      const query = new URLSearchParams({ field: name });
      all(form, "input[name], select[name]").forEach((input) => {
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
      input.addEventListener("change", () => { if (!filling) ask(name); });
    });
  }

  element("of-defaults", (mark) => setUpDefaults(mark.closest("form"), mark.dataset.from));

  /* A field is asked for with certain values of another: a SIREN for a firm. The server shows the state of the values sent. */
  document.addEventListener("change", (event) => {
    all(document, `.of-must[data-when="${window.CSS.escape(event.target.name || "")}"]`).forEach((mark) => {
      const asked = document.getElementById(mark.closest("label").htmlFor);
      if (!asked) return;
      mark.hidden = !mark.dataset.values.split(" ").includes(event.target.value);
      if (mark.hidden) asked.removeAttribute("aria-required"); else asked.setAttribute("aria-required", "true");
    });
  });
})();
