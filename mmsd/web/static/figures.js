// Fills the page of figures from /api/v1/kpi/figures. Everything that came from a log is set as text, never as markup.
import { ask, byId, fill, language, reason, seconds, share, text, trouble, whole } from "./page.js";

const percent = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const stamp = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const HOUR = 3_600_000;
const put = (node, value) => {
  node.textContent = value;
};

// ------------------------------------------------------------------------------------------------------------ the chart

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let chart = null;
let shown = { rows: [], by: "day" };

const draw = () => {
  const box = byId("chart");
  chart?.destroy();
  chart = null;
  if (!box.clientWidth || !shown.rows.length) return;
  const names = shown.rows.map((row) => label(row.name, shown.by));
  const data = [
    shown.rows.map((_, index) => index),
    shown.rows.map((row) => row.end_to_end.value),
    shown.rows.map((row) => row.regulatory.value),
    shown.rows.map((row) => row.open_share),
  ];
  const series = (key, stroke, extra = {}) => ({
    label: text(key), stroke: colour(stroke), width: 2, points: { show: data[0].length < 40 }, spanGaps: true,
    value: (self, value, index, at) => share((at === null ? self.data[index].at(-1) : value) ?? null), ...extra,
  });
  chart = new uPlot(
    {
      width: box.clientWidth,
      height: 220,
      padding: [8, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false }, y: { range: (_, low) => [Math.max(0, Math.min(low ?? 0, 0.9)), 1] }, open: { range: [0, 1] } },
      series: [
        { label: text("kpi.period"), value: (_, value, __, at) => names[at === null ? names.length - 1 : value] ?? "–" },
        series("kpi.end_to_end", "--lines"),
        series("kpi.regulatory", "--good"),
        series("kpi.open_share", "--wait", { scale: "open", width: 1, dash: [4, 4] }),
      ],
      axes: [
        {
          stroke: colour("--quiet"), font: "12px system-ui", grid: { show: false }, ticks: { show: false }, size: 30, space: 110,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500], values: (_, ticks) => ticks.map((tick) => names[tick] ?? ""),
        },
        {
          stroke: colour("--quiet"), font: "12px system-ui", size: 54, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false },
          values: (_, ticks) => ticks.map((tick) => percent.format(tick)),
        },
      ],
    },
    data,
    box,
  );
};

const label = (name, by) => (by === "hour" ? stamp.format(new Date(name)) : name);

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

const tile = (id, value, more) => {
  put(byId(id), value);
  put(byId(`${id}-more`), more);
};
const parts = (ratio) => (ratio.of ? `${whole.format(ratio.part)} / ${whole.format(ratio.of)}` : "");

const tiles = (total) => {
  for (const id of ["end_to_end", "regulatory", "prompt", "send_failure"]) tile(id, share(total[id].value), parts(total[id]));
  tile("open_share", share(total.open_share), total.final ? text("kpi.final") : text("kpi.open", { n: whole.format(total.open) }));
  tile("mean_delay", seconds(total.mean_delay.seconds), total.mean_delay.n ? whole.format(total.mean_delay.n) : "");
};

const period = (row) => [
  label(row.name, shown.by), whole.format(row.delivered), whole.format(row.failed), share(row.open_share), share(row.end_to_end.value),
  share(row.regulatory.value), seconds(row.mean_delay.seconds), share(row.timeliness.value), share(row.prompt.value),
  share(row.send_failure.value), share(row.notification_failure.value), share(row.retrieval_failure.value), share(row.report_failure.value),
  row.codes ? whole.format(row.codes.code_4441) : "–", row.codes ? whole.format(row.codes.code_4442) : "–",
  text(row.final ? "kpi.final" : "kpi.moving"),
];
const place = (unknown) => (row) => [
  row.name || unknown, whole.format(row.delivered), whole.format(row.failed), share(row.open_share), share(row.end_to_end.value),
  share(row.regulatory.value), seconds(row.mean_delay.seconds),
];

const busy = (rows) => rows.filter((row) => row.delivered || row.failed || row.open); // gateways have requests, and no deliveries

const options = (select, rows) => {
  const chosen = select.value;
  while (select.options.length > 1) select.remove(1);
  for (const row of rows) if (row.name) select.add(new Option(row.name, row.name, false, row.name === chosen));
};

let asked = 0;
const show = async () => {
  const turn = (asked += 1);
  const form = byId("choice");
  const [by, hours] = form.elements.range.value.split(" ");
  const range = new URLSearchParams();
  const chosen = new URLSearchParams({ by });
  try {
    const totals = await ask("/api/v1/totals");
    const end = Date.parse(totals.window_to);
    range.set("from", new Date(end - hours * HOUR).toISOString());
    range.set("to", new Date(end).toISOString());
    for (const [name, value] of range) chosen.set(name, value);
    for (const name of ["node", "city"]) if (form.elements[name].value) chosen.set(name, form.elements[name].value);
    byId("csv").href = `/api/v1/kpi/figures.csv?${chosen}`;
    const [periods, nodes, cities, codes] = await Promise.all([
      ask(`/api/v1/kpi/figures?${chosen}`), ask(`/api/v1/kpi/figures?by=node&${range}`), ask(`/api/v1/kpi/figures?by=city&${range}`),
      ask(`/api/v1/codes?${range}`),
    ]);
    if (turn !== asked) return; // another choice was made meanwhile
    shown = periods;
    tiles(periods.total);
    draw();
    put(byId("zone"), by === "hour" ? "" : periods.zone);
    const n = "n";
    fill("periods", periods.rows.toReversed().map(period), ["", n, n, n, n, n, n, n, n, n, n, n, n, n, n, ""]);
    fill("by-node", busy(nodes.rows).map(place("–")), ["", n, n, n, n, n, n]);
    fill("by-city", busy(cities.rows).map(place(text("cities.unknown"))), ["", n, n, n, n, n, n]);
    fill("unknown", codes.unknown.map((row) => [
      row.node, row.set, row.code, whole.format(row.n), stamp.format(new Date(row.first)), stamp.format(new Date(row.last)),
      row.read_as ? `${row.read_as} ${row.cause}` : "–",
    ]), ["", "", "", n, "", "", ""]);
    options(form.elements.node, busy(nodes.rows));
    options(form.elements.city, busy(cities.rows));
    trouble("");
    byId("figures").dataset.shown = String(turn);
  } catch (error) {
    trouble(reason(error));
  }
};

byId("choice").addEventListener("change", show);
byId("choice").addEventListener("submit", (event) => event.preventDefault());
setInterval(show, 60_000);
show();
