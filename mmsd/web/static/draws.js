// Draws of prizes: how they stand, who won, and their next step. It is asked twice: the first answer says what will happen.
import { ask, byId, fill, reason, text, time, trouble, whole, word } from "./page.js";

const EVERY = 5_000;

let order = null; // body of the open dialog, without who and why
let name = ""; // whoever gave the last order gives the next one too, as a rule
let turn = 0;

const planned = (row) => row.state === "planned";
const called = (row) => `${row.campaign}/${row.draw}`;

const open = (row, place = 0) => {
  order = { campaign: row.campaign, draw: row.draw, step: row.next, place, confirm: "" };
  const form = byId("order").elements;
  const source = row.next === "run" ? row.terms.beacon : "";
  byId("h-act").textContent = text("draws.order", { step: word("drawstep", row.next), draw: place ? `${called(row)}, ${whole.format(place)}` : called(row) });
  byId("source").textContent = source;
  byId("mixed").hidden = !source;
  byId("cause").hidden = !place;
  byId("means").hidden = byId("refused").hidden = true;
  byId("do").textContent = text("draws.look");
  [form.who.value, form.why.value, form.beacon.value] = [name, "", ""];
  byId("act").showModal();
};

const step = (row) => {
  if (!row.next) return "–";
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain";
  made.textContent = word("drawstep", row.next);
  made.addEventListener("click", () => open(row));
  return made;
};

const paper = (row) => {
  const made = document.createElement("a");
  made.href = `/api/v1/draws/${row.campaign}/${row.draw}/paper`;
  made.textContent = text("draws.paper");
  return made;
};

const hash = (key, value) => {
  const made = document.createElement("code");
  made.textContent = value;
  const line = document.createElement("span");
  line.append(`${text(key)} `, made);
  return line;
};

const listRow = (row) => (planned(row)
  ? [called(row), word("drawstate", row.state), "–", "–", "–", "–", "–", "–", step(row)]
  : [
    called(row), [word("drawstate", row.state), time(row.drawn ?? row.closed ?? row.committed)],
    row.terms.prizes.map((prize) => `${whole.format(prize.count)} × ${prize.name}`), `${row.terms.first} – ${row.terms.last}`,
    whole.format(row.entries), whole.format(row.people),
    Object.entries(row.excluded).map(([why, n]) => `${whole.format(n)} ${why}`),
    [hash("draws.commitment", row.commitment), ...(row.list ? [hash("draws.hash", row.list)] : []), paper(row)], step(row),
  ]);

const promote = (row, won) => {
  if (won.out) return "–";
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain";
  made.textContent = word("drawstep", "promote");
  made.addEventListener("click", () => open({ ...row, next: "promote" }, won.place));
  return made;
};

const held = (won) => (won.out ? [word("drawout", won.out), ...(won.taker ? [text("draws.taken", { place: whole.format(won.taker) })] : [])]
  : won.holds || text("draws.reserve"));

const winnerRow = (row) => (won) => [
  called(row), whole.format(won.place), held(won), won.number || "–", won.city || "–", won.entry, promote(row, won),
];

const show = async () => {
  const mine = (turn += 1);
  try {
    const { draws } = await ask("/api/v1/draws");
    const drawn = await Promise.all(draws.filter((row) => row.drawn).map((row) => ask(`/api/v1/draws/${row.campaign}/${row.draw}`)));
    if (mine !== turn) return;
    fill("list", draws.map(listRow), ["", "", "", "", "n", "n", "", "", ""]);
    fill("winners", drawn.flatMap((row) => row.winners.map(winnerRow(row))), ["", "n", "", "", "", "", ""]);
    trouble("");
  } catch (error) {
    trouble(reason(error));
  }
  byId("draws").dataset.shown = String(mine);
};

const refused = (error) => {
  const { error: kind, detail, remedy } = error.told ?? {};
  if (kind !== "confirm") {
    byId("refused").hidden = false;
    byId("refused").textContent = reason(error);
    return;
  }
  order.confirm = remedy.slice(remedy.indexOf("=") + 1);
  byId("said").replaceChildren(...detail.split("; ").map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
  byId("means").hidden = false;
  byId("refused").hidden = true;
  byId("do").textContent = text("draws.sure", { step: word("drawstep", order.step) });
};

byId("leave").addEventListener("click", () => byId("act").close());
byId("order").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget.elements;
  name = form.who.value;
  byId("do").disabled = true;
  try {
    const { place, step: next, ...named } = order;
    const said = { ...named, who: form.who.value, why: form.why.value };
    await (place ? ask("/api/v1/draws/promote", { ...said, place, reason: form.reason.value })
      : ask("/api/v1/draws/step", { ...said, step: next, beacon: form.beacon.value }));
    byId("act").close();
    show();
  } catch (error) {
    refused(error);
  }
  byId("do").disabled = false;
});
setInterval(show, EVERY);
show();
