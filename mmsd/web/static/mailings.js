// Group sendings of a campaign: lists taken in, a seed on its way to one: prepared, counted, shown, run by the token of what was shown.
import { CLASSES, compared } from "./effect.js";
import { uploads } from "./lists.js";
import { button, sign } from "./order.js";
import { ask, byId, fill, language, reason, share, text, time, trouble, whole, word } from "./page.js";

const EVERY = 3_000;
const ORDERS = { counting: ["stop"], counted: ["run", "count", "stop"], running: ["pause", "stop"], paused: ["resume", "stop"] };
const WORDS = { run: "run", count: "recount", pause: "pause", resume: "resume", stop: "stop" };
const SENT = ["running", "paused", "done", "stopped"]; // states in which somebody may have been sent it

const weekday = new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" });
const day = (n) => weekday.format(Date.UTC(2024, 0, 1 + n)); // a Monday

let told = null; // what the campaign's sendings can be made of
let shown = 0; // the sending that is shown
let turn = 0;

const campaign = () => byId("choice").elements.campaign.value;
const may = () => told.may.includes("campaign");
const group = (name) => name || text("mailings.no_group");
const pair = (name, value) => text("mailings.pair", { name, value });
const counted = (counts, name) => Object.entries(counts).map(([each, n]) => pair(name(each), whole.format(n)));

// ------------------------------------------------------------------------------------------------------ orders

const typed = (token) => {
  byId("typed").hidden = !token;
  byId("order").elements.typed.required = Boolean(token);
  byId("order").elements.typed.value = "";
};

const warnings = (row) => Object.keys(row.warnings ?? {}).map((each) => word("mailings", `warn_${each}`));

// What a person should have seen before he says go; it is asked for when he is about to.
const before = (row) => [
  pair(text("mailings.audience"), whole.format(row.count.sent)),
  ...counted(row.count.left_out, (each) => `${text("mailings.left_out")}, ${word("mailings", `left_${each}`)}`),
  ...(row.cost ? [pair(text("mailings.cost"), money(row.cost))] : []),
  ...(row.message ? [text("mailings.subject", { subject: row.message.subject })] : []),
  pair(text("mailings.first_sms"), row.first_sms), ...warnings(row), text("mailings.token", { token: row.token }),
];

const give = async (number, order) => {
  try {
    const row = await ask(`/api/v1/mailings/${number}`);
    const token = order === "run" ? row.token : "";
    const title = text("mailings.order", { order: text(`mailings.${WORDS[order]}`), n: number });
    sign(title, async (signed) => {
      const said = byId("order").elements.typed.value.trim().toUpperCase();
      if (token && said !== token) throw new Error(text("mailings.not_token"));
      await ask(`/api/v1/mailings/${number}/${order}`, { ...signed, ...(token ? { token: said } : {}) });
      return () => open(number).then(show);
    }, { shown: token ? before(row) : [text(`mailings.means_${order}`)], button: text(`mailings.${WORDS[order]}`) });
    typed(token);
  } catch (error) {
    trouble(reason(error));
  }
};

const orders = (row) => (may() ? ORDERS[row.state] ?? [] : []).map((order) => button(text(`mailings.${WORDS[order]}`), () => give(row.mailing, order)));

// --------------------------------------------------------------------------------------------------------- one

const money = ({ amount, currency }) => `${amount.toLocaleString(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${currency}`;

const moving = (row) => {
  const { control, ...states } = row.states;
  const asked = Object.values(states).reduce((total, n) => total + n, 0);
  const bar = document.createElement("progress");
  [bar.max, bar.value] = [Math.max(row.count.sent, 1), asked];
  return [
    bar, text("mailings.asked_for", { done: whole.format(asked), of: whole.format(row.count.sent) }), ...counted(states, (each) => word("sending", each)),
    ...(control ? [pair(text("mailings.row_control"), whole.format(control))] : []),
  ];
};

const picture = (row) => {
  const made = document.createElement("img");
  made.src = `/api/v1/seeds/${row.campaign}/${row.seed}/0`;
  made.alt = text("seeds.shows");
  made.className = "card";
  made.addEventListener("error", () => made.remove()); // its first part may be no picture
  return made;
};

const plan = ({ plan: of }) => [
  text("mailings.window", {
    starts: time(of.starts), ends: time(of.ends), hours: of.hours.join(", ") || text("mailings.all_day"), days: of.days.map(day).join(" "),
  }),
  text("mailings.pace", { rate: of.rate }), text("mailings.control_share", { share: share(of.control) }),
  ...(of.labels.length ? [pair(text("mailings.groups"), of.labels.map(group).join(", "))] : []),
];

const bad = (words) => {
  const made = document.createElement("span");
  made.className = "bad";
  made.textContent = words;
  return made;
};

const facts = (row) => {
  const left = row.count ? counted(row.count.left_out, (each) => word("mailings", `left_${each}`)) : [];
  const known = row.count && [
    [text("mailings.audience"), [
      whole.format(row.count.sent), ...counted(row.count.groups, group),
      ...(row.count.model_unknown ? [text("mailings.unknown_models", { n: whole.format(row.count.model_unknown) })] : []),
    ]],
    [text("mailings.left_out"), left.length ? left : "–"],
    [text("mailings.cost"), row.cost ? money(row.cost) : "–"],
    [text("mailings.last"), row.done ? time(row.done) : text("mailings.never_done")],
    ...(warnings(row).length ? [[text("mailings.warn"), warnings(row).map(bad)]] : []),
  ];
  return [
    [text("desk.state"), [text(`mailings.state_${row.state}`), ...(row.state === "counting" ? [text("mailings.counting")] : [])]],
    ...(row.count && SENT.includes(row.state) ? [[text("mailings.progress"), moving(row)]] : []),
    [text("mailings.plan"), plan(row)],
    ...(known ?? []),
    ...(row.message ? [[text("mailings.message"), [
      text("mailings.subject", { subject: row.message.subject }), text("mailings.octets", { n: whole.format(row.message.octets) }),
      ...row.message.parts.filter((part) => part.text).map((part) => part.text), picture(row),
    ]]] : []),
    ...(row.first_sms ? [[text("mailings.first_sms"), row.first_sms]] : []),
  ];
};

const look = async (number) => {
  const row = await ask(`/api/v1/mailings/${number}`);
  const same = JSON.stringify(row);
  if (byId("s-one").dataset.told === same) return row;
  if (shown !== number) fill("effect", [], CLASSES);
  shown = number;
  byId("h-one").textContent = text("mailings.one", { n: row.mailing, seed: `${row.campaign}/${row.seed}`, list: row.list });
  fill("facts", facts(row), ["", ""]);
  byId("one-acts").replaceChildren(...orders(row));
  byId("s-one").hidden = false;
  byId("measured").hidden = !SENT.includes(row.state);
  byId("s-one").dataset.told = same;
  byId("s-one").dataset.state = row.state;
  return row;
};

const open = async (number) => {
  try {
    await look(number);
    byId("h-one").focus();
  } catch (error) {
    trouble(reason(error));
  }
};

byId("compare").addEventListener("click", async () => {
  try {
    const found = await ask(`/api/v1/campaigns/${encodeURIComponent(campaign())}/effect?mailing=${shown}`);
    fill("effect", found.groups.map(compared), CLASSES);
    const [{ detectable, too_few: few }] = found.groups;
    byId("sizes").textContent = [
      ...(found.waiting ? [text("mailings.waiting", { n: whole.format(found.waiting), days: whole.format(found.window / 86_400) })] : []),
      ...(few ? [text("mailings.few")] : []), ...(detectable === null ? [] : [text("mailings.detectable", { share: share(detectable) })]),
    ].join(" ");
  } catch (error) {
    trouble(reason(error));
  }
});

// ----------------------------------------------------------------------------------------------------- prepare

const box = (name, value, words, checked) => {
  const label = document.createElement("label");
  const made = document.createElement("input");
  Object.assign(made, { type: "checkbox", name, value, checked });
  label.append(made, ` ${words}`);
  return label;
};
const ticked = (name) => [...byId("prepare").querySelectorAll(`input[name=${name}]:checked`)].map((each) => each.value);

const groups = () => {
  const list = told.lists.find((each) => each.list === byId("prepare").elements.list.value);
  const names = Object.entries(list?.groups ?? {});
  const note = document.createElement("small");
  note.textContent = text("mailings.every_group");
  const boxes = names.map(([name, n]) => box("group", name, `${group(name)} (${whole.format(n)})`, false));
  byId("groups-of").replaceChildren(byId("groups-of").querySelector("legend"), ...(names.length > 1 ? [...boxes, note] : []));
};

const choose = (select, values, chosen) => {
  select.replaceChildren(...values.map((each) => new Option(each, each)));
  if (values.includes(chosen)) select.value = chosen;
};

const offer = (chosen) => {
  const form = byId("prepare").elements;
  const { sending } = told;
  choose(form.list, told.lists.map((each) => each.list), chosen ?? form.list.value);
  choose(form.seed, told.seeds, form.seed.value);
  if (byId("prepare").dataset.campaign !== told.campaign) {
    byId("prepare").dataset.campaign = told.campaign;
    [form.rate.value, form.control.value, form.hours.value] = [sending.rate, Math.round(sending.control * 1e4) / 100, sending.hours.join(", ")];
    const boxes = [0, 1, 2, 3, 4, 5, 6].map((n) => box("day", n, day(n), sending.days.includes(n)));
    byId("days-of").replaceChildren(byId("days-of").querySelector("legend"), ...boxes);
  }
  groups();
  byId("missing").hidden = told.seeds.length && told.lists.length;
  byId("missing").textContent = text(told.seeds.length ? "mailings.no_lists" : "mailings.no_seeds");
  byId("prepare").querySelector("fieldset").disabled = !may() || !told.lists.length || !told.seeds.length;
  byId("upload").querySelector("fieldset").disabled = !may();
  byId("only-read").hidden = may();
};

const instant = (value) => (value ? new Date(value).toISOString() : "");

byId("prepare").addEventListener("change", (event) => { if (event.target.name === "list") groups(); });
byId("prepare").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget.elements;
  const body = {
    list: form.list.value, seed: form.seed.value, groups: ticked("group"), starts: instant(form.starts.value), ends: instant(form.ends.value),
    hours: form.hours.value.split(/[,，、;]/).map((each) => each.trim()).filter(Boolean), days: ticked("day").map(Number),
    rate: Number(form.rate.value), control: Number(form.control.value) / 100,
  };
  sign(pair(text("mailings.prepare"), `${told.campaign}/${body.seed} → ${body.list}`), async (signed) => {
    const { mailing } = await ask(`/api/v1/campaigns/${encodeURIComponent(told.campaign)}/mailings`, { ...body, ...signed });
    return () => open(mailing).then(show);
  }, { shown: [text("mailings.prepare_note")], button: text("mailings.count") });
  typed("");
});

// -------------------------------------------------------------------------------------------------------- page

const line = (row) => [
  String(row.mailing), [`${row.campaign}/${row.seed}`, `→ ${row.list}`], text(`mailings.state_${row.state}`),
  row.people === null ? "–" : whole.format(row.people), time(row.changed), row.who,
  [button(text("mailings.show"), () => open(row.mailing)), ...orders(row)],
];
const list = (row) => [
  row.list, whole.format(row.members), counted(row.groups, group),
  row.faults ? [whole.format(row.faults), ...row.first_faults.slice(0, 3).map((each) => pair(`${text("mailings.line")} ${each.line}`, word("mailings", `fault_${each.reason}`)))] : "–",
  time(row.at), row.who,
];

const show = async () => {
  const mine = (turn += 1);
  try {
    const { mailings } = await ask(`/api/v1/mailings?${new URLSearchParams({ campaign: campaign() })}`);
    if (mine !== turn) return;
    fill("mailings", mailings.map(line), ["", "", "", "n", "", "", ""], "mailings.none");
    if (shown && mailings.some((each) => each.mailing === shown)) await look(shown);
    trouble("");
  } catch (error) {
    trouble(reason(error));
  }
  byId("mailings-page").dataset.shown = String(mine);
};

const lists = async (chosen) => {
  told = await ask(`/api/v1/campaigns/${encodeURIComponent(campaign())}/lists`);
  fill("lists", told.lists.map(list), ["", "n", "", "", "", ""], "mailings.no_lists");
  offer(chosen);
};

const begin = async () => {
  shown = 0;
  byId("s-one").hidden = byId("measured").hidden = true;
  try {
    await lists();
    await show();
  } catch (error) {
    trouble(reason(error));
  }
};

const sending = uploads((name) => told.lists.some((each) => each.list === name), lists);

const start = async () => {
  try {
    const { campaigns } = await ask("/api/v1/campaigns");
    const ids = campaigns.filter((each) => each.configured).map((each) => each.campaign);
    choose(byId("choice").elements.campaign, ids, decodeURIComponent(location.hash.slice(1)));
    if (ids.length) await begin();
    else byId("mailings-page").dataset.shown = "0";
  } catch (error) {
    trouble(reason(error));
  }
};

byId("choice").addEventListener("change", begin);
byId("choice").addEventListener("submit", (event) => event.preventDefault());
setInterval(() => { if (told && !byId("act").open && !sending() && !document.hidden) show(); }, EVERY);
start();
