// Asks /api/v1/story for one number and shows the answer. The number stands in the body of the request, never in an address.
// Everything that came from a log is set as text, never as markup.
import { ask as question, byId, cell, known, language, lines, reason, share, text, time, trouble, word } from "./page.js";

const OUTCOMES = { delivered: "story.delivered", failed: "story.failed", open: "story.open" };

const row = (cells) => {
  const made = document.createElement("tr");
  made.append(...cells.map((each) => cell(each)));
  return made;
};

// The lines a verdict rests on, in the order of time, each with its delay and its place in the logs.
const steps = (delivery) => {
  if (delivery.packed) {
    const moments = [["submitted", "story.submitted"], ["pushed", "story.pushed"], ["retrieved", "story.retrieved"], ["closed", "story.closed"]];
    return [...moments.filter(([name]) => delivery[name]).map(([name, key]) => `${time(delivery[name])} ${text(key)}`), text("story.packed")];
  }
  return lines(delivery.evidence);
};

const reasons = (delivery) => {
  const said = [known(delivery.says) ? `${text(delivery.says)} (${delivery.rule}, ${share(delivery.confidence, 0)})` : "–"];
  if (delivery.suspects.length) said.push(text("story.suspects", { names: delivery.suspects.map((name) => word("cause", name)).join(", ") }));
  if (delivery.not_covered.length) said.push(text("story.missing", { names: delivery.not_covered.join(", ") }));
  return said;
};

const outcome = (delivery) => {
  const said = [text(delivery.lapsed ? "story.lapsed" : OUTCOMES[delivery.outcome])];
  if (delivery.cause) said.push(word("cause", delivery.cause));
  return said;
};

const other = (delivery) => [
  delivery.role === "receiver" ? text("story.from", { number: delivery.sender || "–" }) : text("story.to", { number: delivery.receiver || "–" }),
  delivery.message || delivery.name,
];

const deliveryRow = (delivery) => row([
  time(delivery.submitted || delivery.pushed || delivery.closed), outcome(delivery), reasons(delivery),
  delivery.cause && delivery.outcome !== "delivered" ? word("advice", delivery.cause) : "–", other(delivery), steps(delivery),
]);

const fill = (id, rows) => byId(id).replaceChildren(...rows);

const covered = (answer) => {
  const said = [];
  if (!answer.known) said.push(text("story.unknown"));
  else if (!answer.deliveries.length) said.push(text("story.none"));
  if (!answer.known && answer.erased) said.push(text("story.erased"));
  said.push(text("story.covered", { from: time(answer.counted_from), to: time(answer.read_to) }));
  if (answer.cut) said.push(text("story.cut"));
  byId("covered").textContent = said.join(" ");
};

let asked = null; // the body of the question that is shown
let turn = 0;

const ask = async (body, first) => {
  const mine = (turn += 1);
  try {
    const answer = await question("/api/v1/story", body);
    if (mine !== turn) return; // another question was asked meanwhile
    const rows = answer.deliveries.map(deliveryRow);
    if (first) {
      fill("deliveries", rows);
      fill("findings", answer.findings.map((each) => row([
        time(each.at), `${word("cause", each.cause)} ${each.cause}`, share(each.confidence, 0),
        each.cleared ? text("story.cleared", { time: time(each.cleared) }) : word("advice", each.cause),
      ])));
      fill("attempts", answer.attempts.map((each) => row([
        time(each.at), each.node, `${each.method} ${each.host}:${each.port}${each.path} ${each.status}`,
        each.verdict ? `${each.verdict} ${word("verdict", each.verdict)}` : "–",
      ])));
      byId("found").hidden = !answer.findings.length;
      byId("tried").hidden = !answer.attempts.length;
      byId("whose").textContent = answer.number;
      covered(answer);
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
