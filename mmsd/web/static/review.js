// Forwards that a rule stopped, page by page, with the lines behind each, and a person's word on them; below, copies that count for nothing yet.
import { button, sign } from "./order.js";
import { ask, byId, fill, lines, reason, text, time, trouble, whole, word } from "./page.js";

const STATES = ["held", "released", "stopped"];
const COLUMNS = ["", "", "", "", "", "", "", ""];

const form = byId("choice").elements;
let rows = [];
let after = null; // where the next page begins
let may = [];
let doubted = { rows: [], after: null };
let turn = 0;

const why = (name) => word("campaigns", `why_${name}`);
const people = (row) => [row.sender || "–", `→ ${row.receiver || "–"}`];

// ------------------------------------------------------------------------------------------------------ orders

const done = (words) => {
  byId("done").hidden = !words;
  byId("done").textContent = words;
};

const decide = (row, act) => sign(text(`review.${act}_one`, { id: row.id }), async (signed) => {
  const { review } = await ask(`/api/v1/forwards/${row.id}/${act}`, signed);
  return async () => {
    await begin();
    done(text(`review.${review}_now`, { id: row.id }));
  };
}, { shown: [`${people(row).join(" ")} · ${why(row.reason)}`, text(`review.${act}_means`)], button: text(`review.${act}`) });

const reveal = (row) => sign(text("review.reveal_one", { id: row.id }), async (signed) => {
  const told = await ask(`/api/v1/forwards/${row.id}/reveal`, signed);
  done(text("review.numbers_now", { id: told.id, sender: told.sender || "–", receiver: told.receiver || "–" }));
}, { shown: [text("review.reveal_means")] });

// --------------------------------------------------------------------------------------------------------- one

const submit = (row) => [
  [time(row.submitted), ...(row.earned ? [text("review.earned")] : [])], text(`story.${row.outcome}`), row.message || "–",
  row.size === null ? "–" : whole.format(row.size), lines(row.evidence),
];
const deed = (row) => [time(row.at), row.who, word("review", `deed_${row.what.split(" ", 1)[0]}`), row.why];

const look = async (row) => {
  try {
    const told = await ask(`/api/v1/forwards/${row.id}`);
    byId("h-one").textContent = [text("review.one", { id: told.id }), ...people(told)].join(" ");
    fill("submits", told.submits.map(submit), ["", "", "", "n", ""]);
    fill("deeds", told.deeds.map(deed), ["", "", "", ""]);
    byId("s-one").hidden = false;
    byId("s-one").dataset.shown = String(told.id);
    byId("h-one").focus();
  } catch (error) {
    trouble(reason(error));
  }
};

// -------------------------------------------------------------------------------------------------------- list

const orders = (row) => [
  button(text("review.look"), () => look(row)),
  ...(may.includes("campaign") && !row.counted ? [button(text("review.release"), () => decide(row, "release"))] : []),
  ...(may.includes("campaign") && (row.counted || row.review === "held") ? [button(text("review.stop"), () => decide(row, "stop"))] : []),
  ...(may.includes("reveal") ? [button(text("review.numbers"), () => reveal(row))] : []),
];

const forward = (row) => [
  String(row.id), [time(row.submitted), time(row.retrieved)],
  [...people(row), ...(row.off_net ? [text(`review.off_net_${row.off_net}`)] : [])], [row.campaign, row.seed],
  [why(row.reason), text("review.generation", { n: row.generation }), ...(row.parents > 1 ? [text("review.parents", { n: row.parents })] : [])],
  [row.city || text("cities.unknown"), row.model || text("campaigns.no_model")],
  [text(`review.${row.review}`), text(row.serial ? "review.serial" : "review.no_serial")], orders(row),
];

const page = async () => {
  const query = new URLSearchParams({ review: form.review.value, limit: "50" });
  for (const name of ["campaign", "reason"]) if (form[name].value) query.set(name, form[name].value);
  if (after) query.set("after", after);
  return ask(`/api/v1/forwards?${query}`);
};

const add = (told) => {
  rows = [...rows, ...told.forwards];
  ({ after, may } = told);
  byId("more").hidden = !after;
  byId("only-read").hidden = may.includes("campaign");
  fill("forwards", rows.map(forward), COLUMNS, form.review.value === "held" ? "review.none_held" : "review.none");
};

// What can be chosen, with how many there are; what is chosen stays.
const options = (select, choices, chosen) => {
  select.replaceChildren(...choices.map(([value, words]) => new Option(words, value)));
  if (choices.some(([value]) => value === chosen)) select.value = chosen;
};
const choices = async () => {
  const { reviews } = await ask("/api/v1/forwards/reviews");
  const of = (name) => [...new Set(reviews.map((row) => row[name]))].sort();
  const first = decodeURIComponent(location.hash.slice(1)); // whose, as another page's link says
  const campaign = form.campaign.length ? form.campaign.value : of("campaign").includes(first) ? first : "";
  const [state, rule] = [form.review.value || "held", form.reason.value];
  const sum = (fits) => whole.format(reviews.filter(fits).reduce((total, row) => total + row.n, 0));
  const counted = (words, fits) => text("review.counted", { state: words, n: sum(fits) });
  const ours = (row) => !campaign || row.campaign === campaign;
  options(form.review, STATES.map((each) => [each, counted(text(`review.${each}`), (row) => row.review === each && ours(row))]), state);
  options(form.campaign, [["", text("kpi.all")], ...of("campaign").map((each) => [each, each])], campaign);
  options(form.reason, [
    ["", text("kpi.all")],
    ...of("reason").map((each) => [each, counted(why(each), (row) => row.reason === each && row.review === state && ours(row))]),
  ], rule);
};

// ------------------------------------------------------------------------------------------------------ copies

const held = (row) => [time(row.at), [row.campaign, row.seed], people(row), text(`review.copy_${row.what}`)];
const copied = (row) => [
  word("campaigns", `what_${row.what}`), row.tap || text("review.by_logs"), row.campaign || text("review.no_campaign"), whole.format(row.n),
];
const copies = async (onward = false) => {
  const query = onward ? { limit: 50, after: doubted.after } : { limit: 50 };
  const told = await ask(`/api/v1/copies?${new URLSearchParams(query)}`);
  doubted = { rows: onward ? [...doubted.rows, ...told.held] : told.held, after: told.after };
  fill("held", doubted.rows.map(held), ["", "", "", ""], "review.none_copies");
  fill("copied", told.copies.map(copied), ["", "", "", "n"]);
  byId("held-more").hidden = !doubted.after;
};

// -------------------------------------------------------------------------------------------------------- page

const begin = async () => {
  const mine = (turn += 1);
  done("");
  try {
    await choices();
    after = null;
    const [told] = await Promise.all([page(), copies()]);
    if (mine !== turn) return; // another choice was made meanwhile
    rows = [];
    byId("s-one").hidden = true;
    add(told);
    trouble("");
  } catch (error) {
    trouble(reason(error));
  }
  byId("review").dataset.shown = String(mine);
};

byId("choice").addEventListener("change", begin);
byId("choice").addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", async () => {
  const mine = turn;
  try {
    const told = await page();
    if (mine === turn) add(told);
  } catch (error) {
    trouble(reason(error));
  }
});
byId("held-more").addEventListener("click", () => {
  copies(true).catch((error) => trouble(reason(error)));
});
begin();
