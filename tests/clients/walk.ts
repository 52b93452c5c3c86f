// A program on the generated client: customer → DI → invoice → payment → contract → billing run.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Refusal = components["schemas"]["Refusal"];
const today = new Intl.DateTimeFormat("fr-CA", { timeZone: "Europe/Paris" }).format(new Date());
const api = createClient<paths>({
  baseUrl: process.env.API ?? "",
  headers: { Authorization: `Bearer ${process.env.KEY ?? ""}` },
});

/** What was answered, or an error with the sentence of the refusal. */
async function made<T>(answer: Promise<{ data?: T; error?: Refusal }>): Promise<T> {
  const { data, error } = await answer;
  if (data === undefined) throw new Error(error ? `${error.code}: ${error.detail}` : "no answer");
  return data;
}

function first<T>(rows: T[]): T {
  const row = rows[0];
  if (row === undefined) throw new Error("nothing found");
  return row;
}

const task = first((await made(api.GET("/api/v1/tasks/"))).results).id;
const code = (value: string) => ({ params: { query: { code: value } } });
const product = first((await made(api.GET("/api/v1/products/", code("ram_pose")))).results).id;
const position = first((await made(api.GET("/api/v1/fiscal-positions/", code("VEN-5.5")))).results).id;
const at = (id: number) => ({ params: { path: { id } } });

const home = { street: "2 quai des Oiseaux", zip: "35000", city: "Rennes", is_default: true };
const customer = await made(
  api.POST("/api/v1/partners/", { body: { name: "Le Goff Yann", addresses: [home] } }),
);
const asked = {
  partner: customer.id, task, from_on: today, fiscal_position: position, lines: [{ product, quantity: "1" }],
};
const created = await made(api.POST("/api/v1/interventions/", { body: asked }));
const di = await made(api.POST("/api/v1/interventions/{id}/validate/", at(created.id)));
const draft = await made(
  api.POST("/api/v1/interventions/{id}/invoice/", { ...at(di.id), body: { on: today } }),
);
const invoice = await made(
  api.POST("/api/v1/invoices/{id}/post/", { ...at(draft.id), body: { on: today } }),
);
const payment = await made(
  api.POST("/api/v1/invoices/{id}/pay/", {
    ...at(invoice.id), body: { on: today, amount: invoice.residual, kind: "card" },
  }),
);
const paid = await made(api.GET("/api/v1/invoices/{id}/", at(invoice.id)));

const line = {
  task, repeat: 1, repeat_unit: "year" as const, visit_months: [9], articles: [{ product, quantity: "1" }],
};
const signed = await made(
  api.POST("/api/v1/contracts/", {
    body: {
      payer: customer.id, start_on: today, frequency: "yearly", invoicing: "in_advance",
      alignment: "anniversary", fiscal_position: position, lines: [line],
    },
  }),
);
const contract = await made(api.POST("/api/v1/contracts/{id}/activate/", at(signed.id)));
let run = await made(
  api.POST("/api/v1/billing-runs/", { body: { on: today, contracts: [contract.id] } }),
);
while (run.state === "running") {
  await new Promise((resolve) => setTimeout(resolve, 200));
  run = await made(api.GET("/api/v1/billing-runs/{id}/", at(run.id)));
}
const said = [di.state, invoice.state, payment.amount, paid.payment_state, contract.state, first(run.outcomes).result];
console.log(said.join(" "));
