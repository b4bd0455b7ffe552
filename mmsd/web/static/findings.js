// Fills the page of findings: what stands about models, nodes and subscribers, what notifications came to, where fetches broke.
import { ask, byId, fill, lines, reason, seconds, share, text, time, trouble, whole, word } from "./page.js";

const MOST_LATE = 20; // hours with the largest share of late pushes

const cause = (row) => [word("cause", row.cause), row.cause];
const raised = (row) => (row.cleared ? [time(row.raised), text("story.cleared", { time: time(row.cleared) })] : time(row.raised));
const advice = (row) => (row.of_model ? text("findings.of_model") : row.urgency === "low" ? text("findings.corrected") : word("advice", row.cause));

const model = (row) => [row.subject, cause(row), row.detail, raised(row), text("findings.maker")];
const node = (row) => [row.subject, cause(row), row.detail, raised(row)];
const person = (row) => [row.subject, cause(row), share(row.confidence, 0), row.model || "–", raised(row), advice(row), lines(row.evidence)];

const gap = (row) => (row.gap_to === null ? "–" : `${seconds(row.gap_from)} – ${seconds(row.gap_to)}`);
const resend = (row) => [
  row.gateway || text("findings.by_the_book"), whole.format(row.nth), gap(row), whole.format(row.sent), whole.format(row.retrieved), share(row.share),
  row.nth === 1 ? whole.format(row.late) : "–",
];
const hour = (row) => [
  row.gateway || text("findings.by_the_book"), row.node, `${row.hour}:00`, whole.format(row.deliveries), whole.format(row.late), share(row.share),
];

let people = []; // rows shown so far
let after = null; // where the next page of them begins
let turn = 0;

const chosen = (kind) => {
  const form = byId("choice").elements;
  const query = new URLSearchParams({ open: form.cleared.checked ? "0" : "1" });
  if (kind) query.set("kind", kind);
  if (form.cause.value) query.set("cause", form.cause.value);
  return query;
};

const subscribers = async () => {
  const query = chosen("subscriber");
  if (after) query.set("after", after);
  return ask(`/api/v1/findings?${query}`);
};

const more = (page) => {
  people = [...people, ...page.findings];
  after = page.after;
  fill("people", people.map(person), ["", "", "n", "", "", "", ""]);
  byId("more").hidden = !after;
};

const show = async () => {
  const mine = (turn += 1);
  after = null;
  byId("csv").href = `/api/v1/findings.csv?${chosen()}`;
  try {
    const [models, nodes, first, notified, places] = await Promise.all([
      ask(`/api/v1/findings?${chosen("model")}`), ask(`/api/v1/findings?${chosen("node")}`), subscribers(),
      ask("/api/v1/notifications"), ask("/api/v1/places"),
    ]);
    if (mine !== turn) return; // another choice was made meanwhile
    fill("models", models.findings.map(model), ["", "", "", "", ""]);
    fill("nodes", nodes.findings.map(node), ["", "", "", ""]);
    people = [];
    more(first);
    fill("resends", notified.notifications.map(resend), ["", "n", "n", "n", "n", "n", "n"]);
    const late = notified.late.filter((row) => row.late).toSorted((a, b) => b.share - a.share).slice(0, MOST_LATE);
    fill("hours", late.map(hour), ["", "", "n", "n", "n", "n"]);
    fill("broke", places.places.map((row) => [row.place, cause(row), whole.format(row.n)]), ["", "", "n"]);
    trouble("");
  } catch (error) {
    trouble(reason(error));
  }
  byId("findings").dataset.shown = String(mine);
};

byId("choice").addEventListener("change", show);
byId("choice").addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", async () => {
  const mine = turn;
  try {
    const page = await subscribers();
    if (mine === turn) more(page);
  } catch (error) {
    trouble(reason(error));
  }
});
show();
