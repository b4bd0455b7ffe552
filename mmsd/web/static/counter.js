// Keeps the public counter fresh. Everything that comes is set as text, never as markup.
import { byId, time, whole } from "./page.js";

const main = byId("counter");
const put = (id, value) => {
  if (byId(id).textContent !== value) byId(id).textContent = value;
};

const show = (told) => {
  put("forwards", whole.format(told.forwards));
  put("participants", whole.format(told.participants));
  put("read_to", time(told.read_to));
  if (byId("target")) byId("target").value = Math.min(told.forwards, told.target);
  byId("cities").replaceChildren(...told.cities.map((row) => {
    const line = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = row.city || byId("cities").dataset.unknown;
    const count = line.insertCell();
    count.className = "n";
    count.textContent = whole.format(row.forwards);
    line.prepend(head);
    return line;
  }));
};

const ask = async () => {
  try {
    const answer = await fetch(main.dataset.source);
    if (answer.ok) show(await answer.json());
    main.dataset.shown = String(Number(main.dataset.shown || 0) + 1);
  } finally {
    setTimeout(ask, Math.max(Number(main.dataset.keep), 5) * 1000); // away: what was shown last stays
  }
};
ask().catch(() => {});
