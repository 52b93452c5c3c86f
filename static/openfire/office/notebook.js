/* The notebook of a form: the page with errors first, else the one last open on a page of this kind. */
"use strict";
(() => {
  const { all, element, reveal } = window.openfire;

  function setUpNotebook(notebook) {
    const key = "notebook:" + window.location.pathname.replace(/\d+/g, "#");
    const show = (slug) => {
      all(notebook, "[data-tab]").forEach((tab) => {
        tab.setAttribute("aria-selected", String(tab.dataset.tab === slug));
        if (tab.dataset.tab === slug) reveal(tab.parentElement, tab);
      });
      all(notebook, ".of-page").forEach((page) => { page.hidden = page.id !== "page-" + slug; });
    };
    const slugs = all(notebook, "[data-tab]").map((tab) => tab.dataset.tab);
    const wrong = notebook.querySelector("[data-errors]");
    const wanted = wrong ? wrong.id.slice(5) : window.location.hash.startsWith("#tab-") ? window.location.hash.slice(5) : sessionStorage.getItem(key);
    const opened = notebook.querySelector("[data-tab][aria-selected=true]");
    if (slugs.includes(wanted)) show(wanted); else if (opened) show(opened.dataset.tab);
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

  element("of-notebook", setUpNotebook);
})();
