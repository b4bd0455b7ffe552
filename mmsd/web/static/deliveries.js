// Rows of one number's deliveries and findings, for the pages that tell them.
import { known, lines, share, text, time, word } from "./page.js";

const OUTCOMES = { delivered: "story.delivered", failed: "story.failed", open: "story.open" };

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

export const deliveryCells = (delivery) => [
  time(delivery.submitted || delivery.pushed || delivery.closed), outcome(delivery), reasons(delivery),
  delivery.cause && delivery.outcome !== "delivered" ? word("advice", delivery.cause) : "–", other(delivery), steps(delivery),
];

export const findingCells = (finding) => [
  time(finding.at), `${word("cause", finding.cause)} ${finding.cause}`, share(finding.confidence, 0),
  finding.cleared ? text("story.cleared", { time: time(finding.cleared) }) : word("advice", finding.cause),
];

// What is covered, and what is not told: an answer without rows is never left to be read as "nothing happened".
export const coverage = (answer) => {
  const said = [];
  if (!answer.known) said.push(text("story.unknown"));
  else if (!answer.deliveries.length) said.push(text("story.none"));
  if (!answer.known && answer.erased) said.push(text("story.erased"));
  said.push(text("story.covered", { from: time(answer.counted_from), to: time(answer.read_to) }));
  if (answer.cut) said.push(text("story.cut"));
  return said.join(" ");
};
