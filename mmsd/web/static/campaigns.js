// Fills the list of campaigns; their totals move as the stream tells them.
import { ask, byId, fill, language, reason, share, tenth, text, trouble, whole } from "./page.js";

let listed = [];
let after = null;

const link = (row) => {
  const made = document.createElement("a");
  made.href = `/campaigns/${encodeURIComponent(row.campaign)}?lang=${language}`;
  made.textContent = row.name ?? row.campaign;
  return row.configured ? made : [made, text("campaigns.gone")];
};

const line = (row) => [
  link(row), text(`campaigns.life_${row.state}`), row.starts ? `${row.starts} – ${row.ends}` : "–", whole.format(row.forwards), whole.format(row.participants),
  row.participants ? tenth.format(row.forwards / row.participants) : "–", whole.format(row.serials),
  row.target ? share(row.forwards / row.target) : "–", row.last_day || "–",
];

const draw = () => fill("campaigns", listed.map(line), ["", "", "", "n", "n", "n", "n", "n", ""]);

const more = async () => {
  const page = await ask(`/api/v1/campaigns${after ? `?${new URLSearchParams({ after })}` : ""}`);
  listed = [...listed, ...page.campaigns];
  after = page.after;
  byId("more").hidden = !after;
  draw();
};

const live = () => {
  const source = new EventSource("/events");
  source.addEventListener("totals", (message) => {
    const { campaigns } = JSON.parse(message.data).totals;
    let moved = false;
    for (const row of listed) {
      const now = campaigns[row.campaign];
      if (!now || (now.forwards === row.forwards && now.serials === row.serials)) continue;
      Object.assign(row, now);
      moved = true;
    }
    if (moved) draw();
  });
};

byId("more").addEventListener("click", () => more().catch((error) => trouble(reason(error))));
more().then(live).catch((error) => trouble(reason(error))).finally(() => { byId("all").dataset.shown = "1"; });
