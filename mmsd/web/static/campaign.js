// Fills the page of one campaign: totals as the stream tells them, all else from /api/v1/campaigns once a minute and when a day is closed.
import { CLASSES, compared } from "./effect.js";
import { ask, byId, fill, language, reason, seconds, share, tenth, text, time, trouble, whole, word } from "./page.js";

const campaign = byId("campaign").dataset.campaign;
const base = `/api/v1/campaigns/${encodeURIComponent(campaign)}`;
const N = "n";
const put = (id, value, more = "") => {
  byId(id).textContent = value;
  byId(`${id}-more`).textContent = more;
};
const ratio = (value) => (value === null ? "–" : value.toLocaleString(language, { maximumFractionDigits: 2 }));
const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));

// ------------------------------------------------------------------------------------------------------------ the chart

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let chart = null;
let days = [];

const draw = () => {
  const box = byId("chart");
  chart?.destroy();
  chart = null;
  if (!box.clientWidth || !days.length) return;
  const names = days.map((row) => row.day);
  const bars = uPlot.paths.bars({ size: [0.7, 48] });
  const last = (data, value, at) => (at === null ? data.at(-1) : value) ?? null;
  chart = new uPlot(
    {
      width: box.clientWidth,
      height: 220,
      padding: [8, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] }, y: { range: (_, __, high) => [0, (high || 1) * 1.05] }, rate: { range: (_, __, high) => [0, Math.max(high || 0, 1) * 1.05] } },
      series: [
        { label: text("campaigns.day"), value: (_, value, __, at) => names[at === null ? names.length - 1 : value] ?? "–" },
        {
          label: text("campaigns.forwards"), stroke: colour("--lines"), fill: colour("--bar"), width: 1, paths: bars, points: { show: false },
          value: (self, value, index, at) => count(last(self.data[index], value, at)),
        },
        {
          label: text("campaigns.reproduction"), stroke: colour("--deliveries"), width: 2, scale: "rate", points: { show: days.length < 40 },
          value: (self, value, index, at) => ratio(last(self.data[index], value, at)),
        },
      ],
      axes: [
        {
          stroke: colour("--quiet"), font: "12px system-ui", grid: { show: false }, ticks: { show: false }, size: 30, space: 90,
          incrs: [1, 2, 5, 10, 20, 50, 100], values: (_, ticks) => ticks.map((tick) => names[tick]?.slice(5) ?? ""),
        },
        {
          stroke: colour("--quiet"), font: "12px system-ui", size: 64, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
          values: (_, ticks) => ticks.map((tick) => whole.format(tick)),
        },
      ],
    },
    [days.map((_, index) => index), days.map((row) => row.forwards), days.map((row) => row.reproduction)],
    box,
  );
};

let drawnWidth = 0;
new ResizeObserver(([entry]) => {
  const width = Math.floor(entry.contentRect.width);
  if (width && width !== drawnWidth) {
    drawnWidth = width;
    draw();
  }
}).observe(byId("chart"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

// ----------------------------------------------------------------------------------------------------------- the figures

const totals = (now) => {
  put("forwards", count(now.forwards), byId("forwards-more").textContent);
  put("participants", count(now.participants), now.participants ? text("campaigns.each_of", { mean: ratio(now.forwards / now.participants) }) : "");
  put("serials", count(now.serials));
};

const head = (told) => {
  byId("name").textContent = told.name ?? told.campaign;
  byId("state-now").textContent = text(`campaigns.life_${told.state}`);
  byId("dates").textContent = told.starts ? `${told.starts} – ${told.ends}` : text("campaigns.gone");
  byId("zone").textContent = [told.zone, told.read_to && text("campaigns.read_to", { time: time(told.read_to) })].filter(Boolean).join(" · ");
  byId("public").hidden = !told.public;
  totals(told);
  byId("forwards-more").textContent = told.forwards_today === null ? "" : text("campaigns.today", { n: count(told.forwards_today) });
  put("reproduction", ratio(told.reproduction), told.deepest ? text("campaigns.deepest_of", { n: count(told.deepest) }) : "");
  const pace = told.pace;
  put("reached", pace ? share(pace.share) : "–", pace ? text("campaigns.of_target", { n: count(pace.target) }) : text("campaigns.no_target"));
  put("needed", pace?.needed === null || !pace ? "–" : count(Math.ceil(pace.needed)), pace ? pacing(pace) : "");
};

const pacing = (pace) => {
  if (pace.reached && !pace.needed) return text("campaigns.reached_on", { day: pace.reached });
  return pace.daily === null ? "" : text("campaigns.brings", { daily: count(pace.daily), expected: count(pace.expected) });
};

const SAID = ["forwards", "participants", "not_counted"];
const said = (stage, before) => {
  if (!stage) return "–";
  const told = count(stage.forwards);
  if (!before || SAID.every((name) => stage[name] === before[name])) return told;
  const moved = stage.forwards - before.forwards;
  return [told, `${moved < 0 ? "−" : "+"}${count(Math.abs(moved))}`];
};

const day = (closes) => (row) => {
  const close = closes.get(row.day);
  return [
    row.day, count(row.forwards), count(row.participants), ratio(row.mean), count(row.not_counted), ratio(row.reproduction),
    said(close?.provisional), said(close?.final, close?.provisional), text(`campaigns.stage_${row.stage}`),
  ];
};

const wait = (row) => {
  if (row.from_seconds === null) return text("campaigns.unseen");
  return row.from_seconds ? `${seconds(row.from_seconds)} – ${seconds(row.to_seconds)}` : `< ${seconds(row.to_seconds)}`;
};
const people = (name) => (row) => [name(row), count(row.forwards), share(row.share), count(row.participants), ratio(row.mean)];

const lists = { late: { rows: [], after: null }, trees: { rows: [], after: null } };
const shapes = {
  late: [(row) => [time(row.at), row.day, row.city || text("cities.unknown"), count(row.forwards), count(row.not_counted)], ["", "", "", N, N]],
  trees: [(row) => [row.number || "–", count(row.forwards), count(row.deepest), count(row.widest), row.levels.map(count).join(" · ")], ["", N, N, N, ""]],
};
const next = async (id, anew = false) => {
  const list = lists[id];
  const query = anew || !list.after ? "" : `?${new URLSearchParams({ after: list.after })}`;
  const page = await ask(`${base}/${id}${query}`);
  list.rows = anew ? page[id] : [...list.rows, ...page[id]];
  list.after = page.after;
  const [shape, classes] = shapes[id];
  fill(id, list.rows.map(shape), classes);
  byId(`${id}-next`).hidden = !list.after;
};

const reviewed = (what) => {
  const made = document.createElement("a");
  made.href = `/review?lang=${language}#${encodeURIComponent(campaign)}`;
  made.textContent = text(`campaigns.what_${what}`);
  return made;
};

// Looks at everybody who was sent it: asked for by hand.
const compare = async () => {
  const [told, counted] = await Promise.all([ask(`${base}/effect`), ask(`${base}/figures?by=group&limit=50`)]);
  fill("groups", told.groups.map(compared), CLASSES);
  fill("labels", counted.rows.map(people((row) => row.group || text("campaigns.no_group"))), ["", N, N, N, N]);
  trouble("");
};

let turn = 0;
const show = async () => {
  const mine = (turn += 1);
  try {
    const [told, byDay, closes, ...splits] = await Promise.all([
      ask(base), ask(`${base}/figures?by=day`), ask(`${base}/closes`),
      ...["city", "model", "generation", "wait", "fan_out"].map((by) => ask(`${base}/figures?by=${by}&limit=50`)),
    ]);
    const hours = told.last_day ? await ask(`${base}/figures?by=hour&from=${told.last_day}&to=${told.last_day}`) : { rows: [] };
    if (mine !== turn) return; // asked again meanwhile
    const [cities, models, generations, waits, fans] = splits.map((split) => split.rows);
    head(told);
    days = byDay.rows;
    draw();
    const saidOf = new Map(closes.closes.map((close) => [close.day, close]));
    fill("days", days.toReversed().map(day(saidOf)), ["", N, N, N, N, N, N, N, ""]);
    fill("hours", hours.rows.toReversed().map((row) => [time(row.hour), count(row.forwards)]), ["", N]);
    fill("cities", cities.map(people((row) => row.city || text("cities.unknown"))), ["", N, N, N, N]);
    fill("models", models.map(people((row) => row.model || text("campaigns.no_model"))), ["", N, N, N, N]);
    fill("generations", generations.map((row) => [count(row.generation), count(row.forwards), share(row.share)]), ["", N, N]);
    fill("waits", waits.map((row) => [wait(row), count(row.forwards), share(row.share)]), ["", N, N]);
    fill("fans", fans.map((row) => [count(row.forwards_each), count(row.participants), share(row.share)]), ["", N, N]);
    fill("methods", told.methods.map((row) => [word("method", row.method), count(row.forwards), share(row.share)]), ["", N, N]);
    fill("reasons", told.not_counted.map((row) => [word("campaigns", `why_${row.reason}`), count(row.not_counted), share(row.share)]), ["", N, N]);
    const doubts = Object.entries({ ...told.reviews, unattributed: told.unattributed, ...told.copies }).filter(([, n]) => n);
    fill("doubts", doubts.map(([what, n]) => [what in told.reviews ? reviewed(what) : word("campaigns", `what_${what}`), count(n)]), ["", N]);
    await Promise.all([next("late", true), next("trees", true)]);
    trouble("");
  } catch (error) {
    trouble(reason(error));
  }
  byId("campaign").dataset.shown = String(mine);
};

const live = () => {
  const source = new EventSource("/events");
  source.addEventListener("totals", (message) => {
    const now = JSON.parse(message.data).totals.campaigns[campaign];
    if (now) totals(now);
  });
  source.addEventListener("event", (message) => {
    const event = JSON.parse(message.data);
    if (event.topic === "close" && event.subject === campaign) show();
  });
};

for (const id of Object.keys(lists)) {
  byId(`${id}-next`).addEventListener("click", () => next(id).catch((error) => trouble(reason(error))));
}
byId("groups-next").addEventListener("click", () => compare().catch((error) => trouble(reason(error))));
setInterval(show, 60_000);
show().then(live);
