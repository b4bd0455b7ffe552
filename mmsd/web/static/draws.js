// Draws of prizes: how they stand, who won, and their next step. It is asked twice: the first answer says what will happen.
import { button, sign } from "./order.js";
import { ask, byId, fill, reason, text, time, trouble, whole, word } from "./page.js";

const EVERY = 5_000;

let turn = 0;

const planned = (row) => row.state === "planned";
const called = (row) => `${row.campaign}/${row.draw}`;

// What a step will do, before it is asked for a second time.
const means = (told, next) => {
  byId("said").replaceChildren(...told.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
  byId("means").hidden = false;
  byId("do").textContent = text("draws.sure", { step: word("drawstep", next) });
};

const open = (row, place = 0) => {
  const form = byId("order").elements;
  const source = row.next === "run" ? row.terms.beacon : "";
  byId("source").textContent = source;
  byId("mixed").hidden = !source;
  byId("cause").hidden = !place;
  const unfinished = row.next === "close" ? row.open : null;
  byId("unfinished").hidden = !unfinished;
  byId("open").textContent = unfinished ? text("draws.early", unfinished) : "";
  form.early.checked = false;
  byId("means").hidden = true;
  form.beacon.value = "";
  let confirm = "";
  const does = async (signed) => {
    const said = { campaign: row.campaign, draw: row.draw, confirm, ...signed };
    await (place ? ask("/api/v1/draws/promote", { ...said, place, reason: form.reason.value })
      : ask("/api/v1/draws/step", { ...said, step: row.next, beacon: form.beacon.value, early: form.early.checked }));
    return show;
  };
  const refused = (error) => {
    const { error: kind, detail, remedy } = error.told ?? {};
    if (kind !== "confirm") return reason(error);
    confirm = remedy.slice(remedy.indexOf("=") + 1);
    means(detail.split("; "), row.next);
    return "";
  };
  const draw = place ? `${called(row)}, ${whole.format(place)}` : called(row);
  sign(text("draws.order", { step: word("drawstep", row.next), draw }), does, { button: text("draws.look"), refused });
};

const step = (row) => (row.next ? button(word("drawstep", row.next), () => open(row)) : "–");

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

const promote = (row, won) => (won.out ? "–" : button(word("drawstep", "promote"), () => open({ ...row, next: "promote" }, won.place)));

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

setInterval(show, EVERY);
show();
