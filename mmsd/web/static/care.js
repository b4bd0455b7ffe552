// Fills the page of care: how far cases came, what help is good for, and what waits for people.
import { ask, byId, fill, reason, share, text, time, trouble, whole, word } from "./page.js";

const STAGES = [
  "found", "asked", "consented", "pushed", "confirmed", "mended_of_asked", "held_back", "declined", "silent", "not_taken", "unproven",
  "handed_over", "ended", "open",
];
const NUMBERS = ["", ...STAGES.map(() => "n")];

const named = (by, name) => {
  if (!by) return text("care.all");
  return by === "cause" && name ? [word("cause", name), name] : name || text("care.unknown");
};

const stages = (by) => (row) => [
  named(by, row[by]), ...STAGES.map((stage) => (stage === "mended_of_asked" ? share(row[stage]) : whole.format(row[stage]))),
];

const of = (value, n, all) => (value === null ? "–" : [share(value), `${whole.format(n)} / ${whole.format(all)}`]);
const points = (value) => (value === null ? "–" : `${value < 0 ? "−" : "+"}${share(Math.abs(value))}`);

const compared = (group, told) => told.measures.map((one) => [
  [text(`care.${group}`), text("care.looked", { looked: whole.format(told.looked), people: whole.format(told.people) })],
  text(`care.${one.measure}`), of(one.share, one.n, one.of), of(one.held_back_share, one.held_back_n, one.held_back_of),
  points(one.lift), one.low === null ? "–" : `${points(one.low)} … ${points(one.high)}`,
  told.too_few ? text("care.too_few") : text(one.proven ? "care.proven" : "care.chance"),
]);

const waiting = (row) => [
  row.number || "–", time(row.at), text(`desk.${row.kind}`), word("casestate", row.state), row.reason || "–",
  row.cause.split(" ").filter(Boolean).map((cause) => word("cause", cause)).join(", ") || "–", row.city || "–", row.model || "–",
  row.refused ? text("care.refused", { reason: row.refused }) : row.told ? time(row.told) : "–", row.id,
];

let listed = []; // lines of the hand-over list shown so far
let after = null;
let turn = 0;

const more = async (mine) => {
  const page = await ask(`/api/v1/care/handover${after ? `?${new URLSearchParams({ after })}` : ""}`);
  if (mine !== turn) return;
  listed = [...listed, ...page.handover];
  after = page.after;
  fill("handover", listed.map(waiting), Array(10).fill(""));
  byId("more").hidden = !after;
};

const show = async () => {
  const mine = (turn += 1);
  const form = byId("choice").elements;
  const by = form.by.value;
  const range = new URLSearchParams({ days: form.days.value });
  const query = new URLSearchParams(range);
  if (by) query.set("by", by);
  byId("csv").href = `/api/v1/care/funnel.csv?${query}`;
  try {
    const [cases, effect] = await Promise.all([ask(`/api/v1/care/funnel?${query}`), ask(`/api/v1/care/effect?${range}`)]);
    if (mine !== turn) return; // another choice was made meanwhile
    fill("funnel", cases.funnel.map(stages(by)), NUMBERS);
    fill("effect", [...compared("others", effect.others), ...compared("helped", effect.helped)], ["", "", "n", "n", "n", "n", ""]);
    listed = [];
    after = null;
    await more(mine);
    trouble("");
  } catch (error) {
    trouble(reason(error));
  }
  byId("care").dataset.shown = String(mine);
};

byId("choice").addEventListener("change", show);
byId("choice").addEventListener("submit", (submitted) => submitted.preventDefault());
byId("more").addEventListener("click", () => more(turn).catch((error) => trouble(reason(error))));
show();
