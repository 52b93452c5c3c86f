/* The towns of a French post code: one fills the box of the town, several are offered under it. */
"use strict";
(() => {
  const { tell } = window.openfire;
  const proposed = new WeakMap(); // box of a town → what was put in it, which another post code may replace

  const boxOf = (zip, name) => zip.form && zip.form.elements.namedItem(zip.name.replace(/zip$/, name));
  function put(city, town) {
    city.value = town;
    proposed.set(city, town);
    tell(city);
  }
  function offer(city, towns) {
    const old = city.parentElement.querySelector(".of-towns");
    if (old) old.remove();
    if (towns.length < 2) return;
    const list = Object.assign(document.createElement("div"), { className: "of-towns" });
    list.setAttribute("role", "group");
    list.setAttribute("aria-label", "Villes de ce code postal");
    towns.forEach((town) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: town });
      button.addEventListener("click", () => { put(city, town); list.remove(); city.focus(); });
      list.append(button);
    });
    city.after(list);
  }

  function ask(zip) {
    const [city, country] = [boxOf(zip, "city"), boxOf(zip, "country")];
    const code = zip.value.replace(/\s/g, "");
    if (!city || (country && country.value !== "FR")) return;
    offer(city, []);
    if (!/^\d{5}$/.test(code)) return;
    fetch(zip.dataset.towns.replace("code", code)).then((answer) => (answer.ok ? answer.json() : { towns: [] })).then(({ towns }) => {
      if (zip.value.replace(/\s/g, "") !== code) return; // another code was typed meanwhile
      if (city.value && city.value !== proposed.get(city)) return; // typed by hand
      if (towns.length === 1) { put(city, towns[0]); return; }
      if (towns.length && city.value && !towns.includes(city.value)) put(city, "");
      if (!city.value) offer(city, towns);
    }).catch(() => {}); // the town is typed by hand
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-towns]")) ask(event.target);
  });
  document.addEventListener("focusin", (event) => {
    const city = event.target;
    if (!city.form || !/city$/.test(city.name) || city.value) return;
    const zip = city.form.elements.namedItem(city.name.replace(/city$/, "zip"));
    if (zip && zip.matches("[data-towns]") && !city.parentElement.querySelector(".of-towns")) ask(zip);
  });
})();
