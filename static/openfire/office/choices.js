/* Boxes that choose a record by typing. */
"use strict";
(() => {
  const { all, tell } = window.openfire;

  window.addEventListener("load", () => {
    if (!window.django || !window.django.jQuery) return;
    window.django.jQuery(document).on("select2:select select2:unselect select2:clear", "form select", (event) => tell(event.target));
  });

  /* Boxes one chooses in by typing: this page may lack their script, the act's own page has it. */
  const typed = (root) => all(root, "select.admin-autocomplete:not([name*=__prefix__])");
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


  Object.assign(window.openfire, { canChoose, setUpChoices });
})();
