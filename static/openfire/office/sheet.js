/* Text copied from a spreadsheet, read as lines of a document. */
"use strict";
(() => {
  const NAMES = {
    code: ["code", "article", "reference", "ref"],
    label: ["designation", "description", "libelle"],
    quantity: ["quantite", "qte"],
    price: ["prix", "prix unit.", "prix unitaire", "pu", "pu ht"],
    discount: ["remise", "remise %"],
    tax: ["tva", "tva %", "taux"],
  };
  const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").trim().toLowerCase();
  const nameOf = (text) => Object.keys(NAMES).find((name) => NAMES[name].includes(fold(text)));
  const number = (text) => text.replace(/[\s\u00a0\u202f€%]/g, "").replace(".", ",");

  /* [{code, label, quantity, price, discount, tax}] of a text with tabs or several lines; null for any other text. A head row
     names the columns; without one they are the code and the quantity. */
  function readSheet(text) {
    if (!/[\t\n]/.test(text.trim())) return null;
    const cells = text.replace(/\r/g, "").split("\n").filter((line) => line.trim()).map((line) => line.split("\t").map((cell) => cell.trim()));
    const head = cells[0].map(nameOf);
    const hasHead = head.includes("code") || head.includes("label");
    const names = hasHead ? head : ["code", "quantity"];
    return cells.slice(hasHead ? 1 : 0).map((row) => {
      const line = {};
      names.forEach((name, index) => {
        const cell = row[index];
        if (name && cell) line[name] = ["quantity", "price", "discount", "tax"].includes(name) ? number(cell) : cell;
      });
      return line;
    });
  }

  Object.assign(window.openfire, { readSheet });
})();
