// Seeds: files become one, marked beside original, registered by name; and the steps of each campaign's life. *Run* asks twice.
import { button, sign } from "./order.js";
import { ask, byId, fill, language, reason, tenth, text, time, trouble, whole, word } from "./page.js";

const EVERY = 10_000;
const WHILE_MADE = 500;
const PICTURES = ["image/jpeg", "image/png", "image/gif"];

let draft = null; // name and what is told of it
let turn = 0;
let shownSeeds = 50;

const open = (title, address, body, { shown = [], run = "" } = {}) => {
  const { typed } = byId("order").elements;
  byId("typed").hidden = !run;
  typed.required = Boolean(run);
  typed.value = "";
  sign(title, async (signed) => {
    if (run && typed.value.trim() !== run) throw new Error(text("seeds.not_that"));
    await ask(address, { ...body, ...signed });
    trouble("");
    if (address.endsWith("/register")) byId("s-draft").hidden = true;
    return show;
  }, { shown });
};

const picture = (address, words) => {
  const made = document.createElement("img");
  made.src = address;
  made.alt = words;
  made.className = "card";
  made.loading = "lazy";
  return made;
};

// -------------------------------------------------------------------------------------------------- campaigns

// What a step begins is asked when somebody is about to take it, and *run* gives back what was shown.
const take = async (campaign, step) => {
  try {
    const told = await ask(`/api/v1/campaigns/${campaign}/life`);
    const { plan } = told;
    const shown = [...told.faults.map((each) => text("seeds.fault", { what: each })), ...told.notes];
    if (step === "run") {
      shown.push(
        plan.audience === null ? text("seeds.no_list") : text("seeds.audience", { n: whole.format(plan.audience) }),
        ...Object.entries(plan.left_out).map(([why, n]) => text("seeds.left_out", { why, n: whole.format(n) })),
        text("seeds.first_sms", { text: plan.first_sms }), ...(plan.cost ? [text("seeds.cost", { cost: plan.cost })] : []), ...plan.notes,
      );
    }
    open(
      text("seeds.step", { step: word("step", step), campaign }), `/api/v1/campaigns/${campaign}/life`,
      { step, confirmed: step === "run" ? told.confirmation : "" }, { shown, run: step === "run" ? campaign : "" },
    );
  } catch (error) {
    trouble(reason(error));
  }
};

const lifeRow = (row) => [
  [row.name, row.id], word("life", row.state), row.possible.map((step) => button(word("step", step), () => take(row.id, step))),
];

// ------------------------------------------------------------------------------------------------------ seeds

const thumbs = (row) => {
  const link = document.createElement("a");
  link.href = `/api/v1/seeds/${row.seed}/0`;
  link.append(picture(link.href, text("seeds.marked")));
  return link;
};

const message = (row) => {
  const link = document.createElement("a");
  link.href = `/api/v1/seeds/${row.seed}/message`;
  link.download = "";
  link.textContent = text("seeds.message");
  return link;
};

const seedRow = (row) => [
  [row.seed, row.family === row.name ? "" : text("seeds.of_family", { family: row.family })],
  [word("seedstate", row.state), row.weak ? text("seeds.weak") : ""], thumbs(row), whole.format(row.octets), row.who, time(row.made),
  [message(row), ...(row.state === "live" ? [
    button(text("seeds.retire"), () => open(text("seeds.retire_one", { seed: row.seed }), "/api/v1/seeds/retire", { seed: row.seed })),
  ] : [])],
];

// ------------------------------------------------------------------------------------------------------ draft

const partRow = (row) => {
  if (!row.trial) return [row.text ?? row.media, "–", "–", "–", "–", "–", "–", "–"];
  const { trial } = row;
  const at = `/api/v1/drafts/${draft.name}/${row.place}`;
  return [
    [row.picture, `${whole.format(row.before)} → ${whole.format(row.octets)}`],
    PICTURES.includes(row.media) ? picture(`${at}?original=1`, text("seeds.before")) : "–",
    PICTURES.includes(row.media) ? picture(at, text("seeds.marked")) : "–",
    `${tenth.format(trial.psnr)} dB`, trial.ssim.toFixed(3), `${trial.passed} / ${trial.tried}`,
    trial.grade ? `${trial.grade}×` : text("seeds.not_raised"), row.weak ? [text("seeds.weak"), trial.failed.join(", ")] : text("seeds.strong"),
  ];
};

const showDraft = (told) => {
  const { weak } = told;
  byId("s-draft").hidden = false;
  byId("draft-name").textContent = told.seed;
  byId("draft-note").textContent = text("seeds.composed", {
    octets: whole.format(told.octets), fits: told.content_class ? text("seeds.class", { name: told.content_class }) : text("seeds.no_class"),
  });
  byId("weak").hidden = !weak;
  byId("alike").hidden = !told.alike.length;
  byId("alike").textContent = text("seeds.alike", { seeds: told.alike.map((one) => one.seed).join(", ") });
  byId("register").textContent = text(weak ? "seeds.register_weak" : "seeds.register");
  fill("draft", told.parts.map(partRow), ["", "", "", "n", "n", "n", "n", ""]);
  byId("s-draft").dataset.shown = told.seed;
};

const progress = (done, of, words) => {
  byId("progress").hidden = !words;
  const bar = byId("progress").querySelector("progress");
  bar.max = Math.max(of, 1);
  if (done === null) bar.removeAttribute("value");
  else bar.value = done;
  byId("progress").querySelector("span").textContent = words;
};

const follow = async (made) => {
  for (;;) {
    const told = await ask(`/api/v1/drafts/${made}`);
    if (told.state === "failed") throw new Error(told.trouble);
    if (told.state === "made") {
      draft = { name: made, told };
      progress(0, 0, "");
      showDraft(told);
      return;
    }
    progress(told.done || null, told.pictures, text("seeds.marking", { done: whole.format(told.done), of: whole.format(told.pictures) }));
    await new Promise((go) => setTimeout(go, WHILE_MADE));
  }
};

byId("make").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const body = new FormData();
  for (const field of ["campaign", "name", "family", "subject"]) if (form.elements[field].value) body.append(field, form.elements[field].value);
  for (const line of form.elements.text.value.split("\n")) if (line.trim()) body.append("text", line);
  for (const file of form.elements.file.files) body.append("file", file);
  const fields = form.querySelector("fieldset");
  fields.disabled = true;
  byId("s-draft").hidden = true;
  trouble("");
  progress(null, 0, text("seeds.sending"));
  try {
    const answer = await fetch("/api/v1/drafts", { method: "POST", body });
    if (answer.status === 401) location.assign(`/login?lang=${language}`);
    const told = await answer.json();
    if (!answer.ok) throw new Error(`${told.detail}. ${told.remedy}`);
    await follow(told.draft);
  } catch (error) {
    progress(0, 0, "");
    trouble(reason(error));
  }
  fields.disabled = false;
});

byId("register").addEventListener("click", () => {
  const { weak, seed } = draft.told;
  open(text(weak ? "seeds.register_weak" : "seeds.register"), `/api/v1/drafts/${draft.name}/register`, { anyway: weak }, { shown: [seed] });
});

// ------------------------------------------------------------------------------------------------------- page

const show = async () => {
  const mine = (turn += 1);
  try {
    const [lives, made] = await Promise.all([ask("/api/v1/lives"), ask(`/api/v1/seeds?limit=${shownSeeds}`)]);
    if (mine !== turn) return;
    byId("made-more").hidden = !made.after;
    fill("lives", lives.campaigns.map(lifeRow), ["", "", ""]);
    fill("made", made.seeds.map(seedRow), ["", "", "", "n", "", "", ""]);
    const choice = byId("make").elements.campaign;
    const ids = lives.campaigns.filter((each) => each.state !== "closed").map((each) => each.id);
    if ([...choice.options].map((each) => each.value).join() !== ids.join()) choice.replaceChildren(...ids.map((id) => new Option(id, id)));
    if (turn === 1) byId("make").querySelector("fieldset").disabled = false;
  } catch (error) {
    trouble(reason(error));
  }
  byId("seeds-page").dataset.shown = String(mine);
};

byId("made-more").addEventListener("click", () => {
  shownSeeds = Math.min(shownSeeds * 4, 1000);
  show();
});
setInterval(() => { if (!byId("act").open && !document.hidden) show(); }, EVERY);
show();
