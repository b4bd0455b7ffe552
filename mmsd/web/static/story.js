// Asks /api/v1/story for one number and shows the answer. The number stands in the body of the request, never in an address.
// Everything that came from a log is set as text, never as markup.
import { coverage, deliveryCells, findingCells } from "./deliveries.js";
import { ask as question, byId, cell, reason, time, trouble, word } from "./page.js";

const row = (cells) => {
  const made = document.createElement("tr");
  made.append(...cells.map((each) => cell(each)));
  return made;
};

const fill = (id, rows) => byId(id).replaceChildren(...rows);

let asked = null; // the body of the question that is shown
let turn = 0;

const ask = async (body, first) => {
  const mine = (turn += 1);
  try {
    const answer = await question("/api/v1/story", body);
    if (mine !== turn) return; // another question was asked meanwhile
    const rows = answer.deliveries.map((each) => row(deliveryCells(each)));
    if (first) {
      fill("deliveries", rows);
      fill("findings", answer.findings.map((each) => row(findingCells(each))));
      fill("attempts", answer.attempts.map((each) => row([
        time(each.at), each.node, `${each.method} ${each.host}:${each.port}${each.path} ${each.status}`,
        each.verdict ? `${each.verdict} ${word("verdict", each.verdict)}` : "–",
      ])));
      byId("found").hidden = !answer.findings.length;
      byId("tried").hidden = !answer.attempts.length;
      byId("whose").textContent = answer.number;
      byId("covered").textContent = coverage(answer);
    } else {
      byId("deliveries").append(...rows);
    }
    asked = answer.after ? { ...body, after: answer.after } : null;
    byId("more").hidden = !asked;
    trouble("");
  } catch (error) {
    trouble(reason(error));
  }
  byId("story").dataset.shown = String(mine);
};

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget.elements;
  ask({ number: form.number.value, days: Number(form.days.value) }, true);
});
byId("more").addEventListener("click", () => asked && ask(asked, false));
byId("ask").querySelector("fieldset").disabled = false;
