/* The map of a day: a marker for each row of the list that has a position. A row and its marker are chosen together. */
"use strict";
(() => {
  const place = document.getElementById("map");
  if (!place) return;
  const { L } = window;
  if (!L) { place.textContent = "La carte ne s'est pas chargée : rechargez la page."; return; }
  const WITHIN = 8000; // ms for a tile to come
  const FRANCE = [[46.6, 2.4], 5];
  const { points, ways, bases, tiles } = JSON.parse(document.getElementById("map-data").textContent);
  const rows = new Map(Array.from(document.querySelectorAll("[data-point]"), (button) => [button.dataset.point, button]));
  const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const element = (tag, className, textContent = "") => Object.assign(document.createElement(tag), { className, textContent });

  const map = L.map(place, { zoomControl: false, attributionControl: false, minZoom: 2, maxZoom: 18, zoomAnimation: !isCalm, fadeAnimation: !isCalm, markerZoomAnimation: !isCalm });
  L.control.zoom({ position: "bottomright", zoomInTitle: "Rapprocher", zoomOutTitle: "Éloigner" }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);

  /* The ground: tiles when there are some that answer; else a plain one, where each marker has its name. */
  const namesShown = (isPlain) => place.classList.toggle("has-names", isPlain);
  function showTiles() {
    const said = document.querySelector("[data-tiles-said]");
    let [came, failed, timer] = [0, 0, 0];
    const answer = (isThere) => { namesShown(!isThere); said.textContent = isThere ? "" : "Le fond de carte ne répond pas : points sur fond neutre."; };
    const layer = L.tileLayer(tiles.url, { maxZoom: 18 });
    layer.on("loading", () => { [came, failed] = [0, 0]; clearTimeout(timer); timer = setTimeout(() => { if (!came) answer(false); }, WITHIN); });
    layer.on("tileload", () => { came += 1; if (said.textContent) answer(true); });
    layer.on("tileerror", () => { failed += 1; });
    layer.on("load", () => { clearTimeout(timer); if (failed && !came) answer(false); });
    if (tiles.credit) L.control.attribution({ prefix: false }).addAttribution(element("span", "", tiles.credit).innerHTML).addTo(map);
    layer.addTo(map);
  }

  /* Markers. */
  const markers = new Map();
  const clusters = L.markerClusterGroup({
    animate: false, showCoverageOnHover: false, maxClusterRadius: 34, spiderLegPolylineOptions: { className: "of-map-leg", weight: 1.5 },
    iconCreateFunction: (cluster) => {
      const count = element("span", "", cluster.getChildCount());
      count.append(element("span", "sr-only", " lieux : rapprocher"));
      const towns = new Set(cluster.getAllChildMarkers().map((marker) => marker.options.town));
      const icon = element("span", "of-map-icon");
      icon.append(count);
      if (towns.size === 1) icon.append(element("span", "of-map-name", [...towns][0]));
      return L.divIcon({ html: icon, className: "of-map-cluster", iconSize: [32, 32] });
    },
  });
  const partOf = (key, part) => rows.get(key).querySelector(`[data-${part}]`).textContent;

  function markerOf({ key, at, kind, number, colour, who, town }) {
    const [name, facts] = [partOf(key, "name"), partOf(key, "facts")];
    const icon = element("span", "of-map-icon");
    icon.append(element("span", kind === "rdv" ? `of-map-pin of-map-${colour}` : `of-map-pin of-map-${kind}`, number || ""), element("span", "of-map-name", kind === "rdv" ? `${facts.slice(0, 5)} ${name}` : name));
    const marker = L.marker(at, { icon: L.divIcon({ html: icon, className: "of-map-marker", iconSize: [26, 26] }), riseOnHover: true, town });
    const words = [kind === "rdv" ? `${who}, ${number}` : kind === "late" ? "À placer, en retard" : "À placer", name, facts].join(", ");
    marker.on("add", () => { marker.getElement().setAttribute("aria-label", words); marker.getElement().classList.toggle("is-chosen", key === chosen); });
    marker.bindPopup(() => popupOf(key, name, who ? `${who} · ${facts}` : facts), { closeButton: false, offset: [0, -8], minWidth: 200 });
    marker.on("popupopen", () => mark(key));
    marker.on("keypress", ({ originalEvent: event }) => {
      if (event.key === " ") { event.preventDefault(); marker.togglePopup(); }
      if (!marker.isPopupOpen()) return;
      marker.getPopup().getElement().querySelector("a").focus();
    });
    markers.set(key, marker);
    return marker;
  }

  function popupOf(key, name, facts) {
    const content = element("div", "of-map-popup");
    const acts = rows.get(key).nextElementSibling.cloneNode(true);
    acts.hidden = false;
    content.append(element("b", "", name), element("p", "", facts), acts);
    return content;
  }

  /* The row that is chosen, and its marker. */
  let chosen = "";
  const lines = new Map(); // id of a technician → the line of his day
  function mark(key) {
    const set = (one, isChosen) => {
      const button = rows.get(one);
      if (!button) return;
      button.parentElement.classList.toggle("is-chosen", isChosen);
      button.nextElementSibling.hidden = !isChosen;
      if (isChosen) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current");
      const icon = markers.has(one) && markers.get(one).getElement();
      if (icon) icon.classList.toggle("is-chosen", isChosen);
    };
    set(chosen, false);
    chosen = key;
    set(key, true);
    const technician = Number(key.split("-")[2]); // NaN for what is to place
    lines.forEach((line, pk) => line.getElement().classList.toggle("is-faded", lines.has(technician) && pk !== technician));
    rows.get(key).parentElement.scrollIntoView({ block: "nearest" });
    window.history.replaceState(null, "", `#${key}`);
  }

  /* Centre a marker at the zoom that parts it from the others, or the present one when that is nearer. Those at one place
     are never parted: they are spread around it. `_zoom` of a cluster: the nearest zoom that shows it. */
  function show(marker) {
    const closest = marker.__parent;
    let around = closest;
    while (around.__parent && around.__parent.getChildCount() === closest.getChildCount()) around = around.__parent;
    const zoom = closest._zoom < map.getMaxZoom() ? closest._zoom + 1 : around._zoom;
    map.setView(marker.getLatLng(), Math.max(map.getZoom(), zoom), { animate: false });
    const seen = clusters.getVisibleParent(marker);
    if (seen && seen !== marker) seen.spiderfy();
    marker.openPopup();
  }

  function choose(key) {
    mark(key);
    map.closePopup();
    if (markers.has(key)) show(markers.get(key));
  }

  const everywhere = [...points, ...bases].map(({ at }) => at);
  if (everywhere.length) map.fitBounds(everywhere, { paddingTopLeft: [40, 40], paddingBottomRight: [tiles ? 40 : Math.min(140, place.clientWidth / 4), 40], maxZoom: 13, animate: false }); else map.setView(...FRANCE);
  ways.forEach(({ at, technician, colour }) => lines.set(technician, L.polyline(at, { className: `of-map-way of-map-${colour}`, weight: 2, interactive: false }).addTo(map)));
  bases.forEach(({ at, name }) => {
    const icon = element("span", "of-map-icon");
    icon.append(element("span", "of-map-pin of-map-base"), element("span", "of-map-name", name));
    const base = L.marker(at, { icon: L.divIcon({ html: icon, className: "of-map-marker is-base", iconSize: [26, 26] }), interactive: false, keyboard: false, zIndexOffset: -500 }).addTo(map);
    base.getElement().setAttribute("role", "img");
    base.getElement().setAttribute("aria-label", name);
  });
  clusters.addLayers(points.map(markerOf));

  map.addLayer(clusters);
  if (tiles) showTiles(); else namesShown(true);
  new ResizeObserver(() => map.invalidateSize()).observe(place);

  document.querySelector(".of-map-list").addEventListener("click", (event) => { const button = event.target.closest("[data-point]"); if (button) choose(button.dataset.point); });
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const isInside = event.target.closest(".leaflet-popup");
    map.closePopup();
    const icon = isInside && markers.has(chosen) && markers.get(chosen).getElement();
    if (icon) icon.focus();
  });
  place.closest("[data-stays]").addEventListener("openfire:done", () => window.location.reload()); // the day as the act left it
  const asked = window.location.hash.slice(1);
  if (rows.has(asked)) choose(asked);
})();
