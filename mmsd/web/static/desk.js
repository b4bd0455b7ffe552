// The desk: asks /api/v1/desk for one number, shows everything there is of it, and sends what a person orders, with name and reason.
// The number stands in the body of the request, never in an address. Everything that came from a log or a handset is set as text.
import { coverage, deliveryCells, findingCells } from "./deliveries.js";
import { button, sign } from "./order.js";
import { ask, byId, fill, reason, text, time, trouble, word } from "./page.js";

const PATIENCE = 10; // looks at most, until care has taken an order in
const PAUSE = 500; // milliseconds between two of them

const state = (name) => word("casestate", name);
const event = (name) => word("caseevent", name);
const names = (causes) => (causes.length ? causes.map((cause) => `${word("cause", cause)} ${cause}`) : "–");

let shown = null; // the body of the look that is shown, without what revealed it
let turn = 0;

const next = (coming) => {
  const why = coming.reason ? word("casereason", coming.reason) : "";
  if (!coming.event) return why || "–";
  return [`${event(coming.event)} ${time(coming.at)}`, ...(why ? [why] : [])];
};

const caseRow = (each, may) => [
  `${each.number} ${text(`desk.${each.kind}`)}`, [state(each.state), ...(each.reason ? [each.reason] : [])], names(each.causes),
  time(each.moved), next(each.next), may ? each.may.map((act) => button(text(`desk.${act}`), () => open(act, each.number))) : "–",
];

const questionRow = (each) => [
  time(each.asked), String(each.case), each.code, each.wording, time(each.expires),
  each.open ? text(each.left ? "desk.open" : "desk.leaving") : event(each.end || "silence"),
];

const consentRow = (each) => [
  time(each.at), String(each.case), word("channel", each.channel), each.who, each.wording, time(each.expires),
  each.revoked ? [text("desk.ended"), event(each.why)] : text(each.live ? "desk.live" : "desk.ended"),
];

const messageRow = (each) => [
  time(each.at), text(`desk.${each.way}`), each.way === "sent" ? [each.settings ? text("desk.pushed") : each.purpose, each.class] : each.service,
  each.way === "sent" ? [word("sending", each.state), ...(each.reason ? [each.reason] : [])] : "–", each.text ?? "–",
];

const stepRow = (each) => [
  time(each.at), String(each.case), event(each.event), `${state(each.before)} → ${state(each.after)}`, each.reason || "–",
  each.who === "mmsd" || each.who === "subscriber" ? text(`desk.by_${each.who}`) : each.who,
];

const table = (id, rows, columns) => {
  byId(`s-${id}`).hidden = !rows.length;
  if (rows.length) fill(id, rows, Array(columns).fill(""));
};

const show = (answer) => {
  const may = new Set(answer.may);
  byId("person").hidden = false;
  byId("whose").textContent = answer.number;
  const notes = [];
  if (answer.opted_out.length) notes.push(text("desk.opted_out", { classes: answer.opted_out.join(", ") }));
  if (answer.untaken) notes.push(text("desk.untaken"));
  if (answer.erasing) notes.push(text("desk.erasing"));
  byId("note").textContent = notes.join(" · ");
  for (const each of byId("acts").querySelectorAll("button")) {
    each.hidden = each.dataset.act === "reveal" ? !may.has("reveal") : !may.has("care") || answer.erasing;
  }
  table("cases", answer.cases.map((each) => caseRow(each, may.has("care"))), 6);
  table("findings", answer.findings.map(findingCells), 4);
  table("questions", answer.questions.map(questionRow), 6);
  table("consents", answer.consents.map(consentRow), 7);
  table("messages", answer.messages.map(messageRow), 5);
  table("steps", answer.steps.map(stepRow), 6);
  table("deliveries", answer.deliveries.map(deliveryCells), 6);
  byId("covered").textContent = coverage(answer);
};

// Shows a number; after an order, once care has taken it in.
const look = async (body, patience = 0) => {
  const mine = (turn += 1);
  try {
    let answer = await ask("/api/v1/desk", body);
    for (let left = patience; left && answer.untaken && mine === turn; left -= 1) {
      await new Promise((go) => setTimeout(go, PAUSE));
      answer = await ask("/api/v1/desk", body);
    }
    if (mine !== turn) return; // another number was asked for meanwhile
    shown = { number: body.number, days: body.days };
    show(answer);
    trouble("");
  } catch (error) {
    trouble(reason(error));
  }
  byId("desk").dataset.shown = String(mine);
};

const open = (act, number = 0) => {
  const form = byId("order").elements;
  byId("told").hidden = byId("kind").hidden = act !== "consent";
  form.wording.required = act === "consent";
  form.wording.value = "";
  let key = crypto.randomUUID(); // that of this dialog: a second try of the same order is no second order
  const does = async (signed) => {
    if (act === "reveal") return () => look({ ...shown, reveal: true, ...signed });
    const body = { number: shown.number, ...signed };
    if (act === "consent") Object.assign(body, { wording: form.wording.value, kind: form.kind.value });
    else if (number) body.case = number;
    try {
      await ask(`/api/v1/desk/${act}`, body, { "Idempotency-Key": key });
    } catch (error) {
      if (!(error instanceof TypeError)) key = crypto.randomUUID(); // it was refused: what is mended is another
      throw error;
    }
    return () => look(shown, PATIENCE);
  };
  const title = text(`desk.${act}`);
  sign(number ? `${title} · ${text("desk.case")} ${number}` : title, does, { shown: [text(`desk.${act}_means`)] });
};

byId("ask").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  const form = submitted.currentTarget.elements;
  look({ number: form.number.value, days: Number(form.days.value) });
});
for (const each of byId("acts").querySelectorAll("button")) each.addEventListener("click", () => open(each.dataset.act));
byId("ask").querySelector("fieldset").disabled = false;
