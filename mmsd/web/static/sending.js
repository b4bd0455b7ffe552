// What leaves: classes, links, what waits for a person; and the hand on the brake. Every order has a name and a reason, which stay in the audit.
import { button, sign } from "./order.js";
import { ask, byId, fill, reason, text, time, trouble, whole, word } from "./page.js";

const EVERY = 5_000;
const WAITING = ["ready", "held"];
const UNDER_WAY = ["sending", "uncertain"];

let turn = 0;

const sum = (states, names) => whole.format(names.reduce((total, each) => total + (states[each] ?? 0), 0));

const ordered = (title, address, body) => sign(title, async (signed) => {
  await ask(address, { ...body, ...signed });
  return show;
});
const orders = (title, address, body) => button(title, () => ordered(title, address, body));

const stop = (what) => orders(text("brake.stop", { what: word("outclass", what) }), "/api/v1/stop", { name: what });
const resume = (what) => orders(text("brake.resume", { what: word("outclass", what) }), "/api/v1/resume", { name: what });

const classRow = (stops) => (row) => [
  word("outclass", row.class), word("switch", row.switch), sum(row.states, WAITING), sum(row.states, UNDER_WAY), sum(row.states, ["sent"]),
  sum(row.states, ["delivered"]), sum(row.states, ["failed"]), sum(row.states, ["expired", "dropped"]), sum(row.states, ["shadow"]),
  sum(row.states, ["parked"]), stops.has(row.class) ? resume(row.class) : stop(row.class),
];
const stopRow = (row) => [word("outclass", row.name), time(row.since), resume(row.name)];
const canaryRow = (row) => [
  word("outclass", row.class), row.campaign || "–", whole.format(row.sent),
  row.approved ? text("brake.approved")
    : orders(text("brake.approve", { what: row.campaign || word("outclass", row.class) }), "/api/v1/approve", { kind: row.class, campaign: row.campaign }),
];
const linkRow = (row) => [
  row.name, row.error ? [word("linkstate", row.state), row.error] : word("linkstate", row.state), row.classes.map((each) => word("outclass", each)).join(", "),
  `${whole.format(row.under_way)} / ${whole.format(row.window)}`, ...["accepted", "refused", "uncertain"].map((each) => whole.format(row.counts[each] ?? 0)),
];
const parkedRow = (row) => [
  word("outclass", row.class), row.purpose, row.receiver || "–", row.reason || "–", time(row.expires),
  [
    orders(text("brake.release"), `/api/v1/outbox/${row.id}/release`, {}),
    orders(text("brake.discard"), `/api/v1/outbox/${row.id}/discard`, {}),
  ],
];
const deedRow = (row) => [time(row.at), row.who, row.what, row.subject, row.why];

const show = async () => {
  const mine = (turn += 1);
  try {
    const [now, parked, deeds] = await Promise.all([
      ask("/api/v1/sending"), ask("/api/v1/outbox?state=parked&limit=50"), ask("/api/v1/deeds?limit=20"),
    ]);
    if (mine !== turn) return;
    const stops = new Set(now.stops.map((each) => each.name));
    fill("classes", now.classes.map(classRow(stops)), ["", "", "n", "n", "n", "n", "n", "n", "n", "n", ""]);
    fill("stops", now.stops.map(stopRow), ["", "", ""]);
    fill("canaries", now.canaries.map(canaryRow), ["", "", "n", ""]);
    fill("links", now.links.map(linkRow), ["", "", "", "n", "n", "n", "n"]);
    fill("doubtful", parked.outbox.map(parkedRow), ["", "", "", "", "", ""]);
    fill("deeds", deeds.deeds.map(deedRow), ["", "", "", "", ""]);
    byId("stop_all").hidden = stops.has("all");
    byId("stopped").hidden = !stops.has("all");
    byId("stopped").textContent = text("brake.all_stopped");
    trouble(now.trouble);
  } catch (error) {
    trouble(reason(error));
  }
  byId("sending").dataset.shown = String(mine);
};

byId("stop_all").addEventListener("click", () => ordered(text("brake.stop_all"), "/api/v1/stop", { name: "all" }));
setInterval(show, EVERY);
show();
