// The open invoices of a new payment are shown when its customer is chosen. An amount typed is spread over those ticked,
// the oldest first; ticking without an amount adds up what is left to pay. The page works without this file: the server spreads.
(() => {
  "use strict";
  const cents = (text) => Math.round(Number(String(text || "0").replace(/[\s\u00a0\u202f]/g, "").replace(",", ".")) * 100) || 0;
  const french = (value) => (value / 100).toFixed(2).replace(".", ",");

  class Settle extends HTMLElement {
    connectedCallback() {
      this.form = this.closest("form");
      this.amount = this.form && this.form.elements.namedItem("amount");
      this.customer = this.form && this.form.elements.namedItem("customer");
      this.chosen = () => { if (this.customer.value) this.form.requestSubmit(this.querySelector("[name=_show]")); };
      if (this.customer && this.customer.addEventListener) this.customer.addEventListener("change", this.chosen);
      if (!this.amount || !this.rows().length) return;
      if (!this.amount.value) window.addEventListener("load", () => setTimeout(() => this.amount.focus(), 0));
      this.isTyped = this.amount.value.trim() !== "";
      this.typed = () => { this.isTyped = this.amount.value.trim() !== ""; this.tickOldest(); this.spread(); };
      this.amount.addEventListener("input", this.typed);
      this.addEventListener("change", (event) => this.ticked(event.target));
      this.say();
      if (this.isTyped && !this.rows().some((row) => row.part.value)) this.spread();
    }

    disconnectedCallback() {
      if (this.customer && this.customer.removeEventListener) this.customer.removeEventListener("change", this.chosen);
      if (this.typed) this.amount.removeEventListener("input", this.typed);
    }

    rows() {
      return [...this.querySelectorAll("tr[data-left]")].map((row) => ({
        left: cents(row.dataset.left), tick: row.querySelector("[type=checkbox]"), part: row.querySelector("input.of-number"),
      }));
    }

    tickOldest() {
      let rest = cents(this.amount.value);
      for (const row of this.rows()) { row.tick.checked = rest > 0; rest -= Math.min(rest, row.left); }
    }

    ticked(box) {
      if (box.type !== "checkbox") return this.say();
      if (!this.isTyped) {
        const sum = this.rows().reduce((total, row) => total + (row.tick.checked ? row.left : 0), 0);
        this.amount.value = sum ? french(sum) : "";
      }
      this.spread();
    }

    spread() {
      let rest = cents(this.amount.value);
      for (const row of this.rows()) {
        const part = row.tick.checked ? Math.min(rest, row.left) : 0;
        row.part.value = part > 0 ? french(part) : "";
        rest -= part;
      }
      this.say();
    }

    say() {
      const given = this.rows().reduce((total, row) => total + cents(row.part.value), 0);
      const rest = cents(this.amount.value) - given;
      this.querySelector("[data-said]").textContent = rest < 0
        ? `Affecté ${french(given)} € : ${french(-rest)} € de plus que le paiement.`
        : `Affecté ${french(given)} €. Reste au crédit du client : ${french(rest)} €.`;
    }
  }
  // The element reads its rows when it is connected: it is defined once the page is whole.
  const define = () => { if (!customElements.get("of-settle")) customElements.define("of-settle", Settle); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", define);
  else define();
})();
