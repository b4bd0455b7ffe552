// Asks /api/v1/story for one number and shows the answer. The number stands in the body of the request, never in an address.
// Everything that came from a log is set as text, never as markup.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const language = document.documentElement.lang;
  const texts = JSON.parse(byId("story").dataset.texts);
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
  const stamp = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });

  const text = (key, values = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
  const time = (iso) => (iso ? stamp.format(new Date(iso)) : "–");
  const word = (section, name) => texts[`${section}.${name}`] ?? name;

  const OUTCOMES = { delivered: "story.delivered", failed: "story.failed", open: "story.open" };

  const trouble = (message) => {
    byId("trouble").textContent = message;
    byId("trouble").hidden = !message;
  };

  const cell = (content) => {
    const made = document.createElement("td");
    for (const part of [content].flat()) {
      const line = document.createElement("div");
      line.append(part);
      made.append(line);
    }
    return made;
  };

  const row = (cells) => {
    const made = document.createElement("tr");
    made.append(...cells.map(cell));
    return made;
  };

  // The lines a verdict rests on, in the order of time, each with its delay and its place in the logs.
  const steps = (delivery) => {
    if (delivery.packed) {
      const known = [["submitted", "story.submitted"], ["pushed", "story.pushed"], ["retrieved", "story.retrieved"], ["closed", "story.closed"]];
      return [...known.filter(([name]) => delivery[name]).map(([name, key]) => `${time(delivery[name])} ${text(key)}`), text("story.packed")];
    }
    if (!delivery.evidence.length) return "–";
    const made = document.createElement("details");
    const title = document.createElement("summary");
    title.textContent = text("story.lines", { n: whole.format(delivery.evidence.length) });
    const list = document.createElement("ol");
    let before = 0;
    for (const line of delivery.evidence) {
      const item = document.createElement("li");
      const at = Date.parse(line.at);
      const delay = before ? ` +${tenth.format((at - before) / 1000)} s` : "";
      const place = document.createElement("small");
      place.className = "quiet";
      place.textContent = ` ${line.feed} ${line.file}:${line.offset}`;
      item.append(`${time(line.at)}${delay} ${word("line", line.kind)}`, place);
      list.append(item);
      before = at;
    }
    made.append(title, list);
    return made;
  };

  const reasons = (delivery) => {
    const said = [texts[delivery.says] ? `${texts[delivery.says]} (${delivery.rule}, ${percent.format(delivery.confidence)})` : "–"];
    if (delivery.suspects.length) said.push(text("story.suspects", { names: delivery.suspects.map((name) => word("cause", name)).join(", ") }));
    if (delivery.not_covered.length) said.push(text("story.missing", { names: delivery.not_covered.join(", ") }));
    return said;
  };

  const outcome = (delivery) => {
    const said = [text(delivery.lapsed ? "story.lapsed" : OUTCOMES[delivery.outcome])];
    if (delivery.cause) said.push(word("cause", delivery.cause));
    return said;
  };

  const other = (delivery) => [
    delivery.role === "receiver" ? text("story.from", { number: delivery.sender || "–" }) : text("story.to", { number: delivery.receiver || "–" }),
    delivery.message || delivery.name,
  ];

  const deliveryRow = (delivery) => row([
    time(delivery.submitted || delivery.pushed || delivery.closed), outcome(delivery), reasons(delivery),
    delivery.cause && delivery.outcome !== "delivered" ? word("advice", delivery.cause) : "–", other(delivery), steps(delivery),
  ]);

  const fill = (id, rows) => byId(id).replaceChildren(...rows);

  const covered = (answer) => {
    const said = [];
    if (!answer.known) said.push(text("story.unknown"));
    else if (!answer.deliveries.length) said.push(text("story.none"));
    if (!answer.known && answer.erased) said.push(text("story.erased"));
    said.push(text("story.covered", { from: time(answer.counted_from), to: time(answer.read_to) }));
    if (answer.cut) said.push(text("story.cut"));
    byId("covered").textContent = said.join(" ");
  };

  let asked = null; // the body of the question that is shown
  let turn = 0;

  const ask = async (body, first) => {
    const mine = (turn += 1);
    try {
      const response = await fetch("/api/v1/story", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), cache: "no-store",
      });
      if (response.status === 401) return location.assign(`/login?lang=${language}`);
      const answer = await response.json();
      if (mine !== turn) return undefined; // another question was asked meanwhile
      if (!response.ok) throw new Error(`${answer.detail}. ${answer.remedy}`);
      const rows = answer.deliveries.map(deliveryRow);
      if (first) {
        fill("deliveries", rows);
        fill("findings", answer.findings.map((each) => row([
          time(each.at), `${word("cause", each.cause)} ${each.cause}`, percent.format(each.confidence),
          each.cleared ? text("story.cleared", { time: time(each.cleared) }) : word("advice", each.cause),
        ])));
        fill("attempts", answer.attempts.map((each) => row([
          time(each.at), each.node, `${each.method} ${each.host}:${each.port}${each.path} ${each.status}`,
          each.verdict ? `${each.verdict} ${word("verdict", each.verdict)}` : "–",
        ])));
        byId("found").hidden = !answer.findings.length;
        byId("tried").hidden = !answer.attempts.length;
        byId("whose").textContent = answer.number;
        covered(answer);
      } else {
        byId("deliveries").append(...rows);
      }
      asked = answer.after ? { ...body, after: answer.after } : null;
      byId("more").hidden = !asked;
      trouble("");
    } catch (error) {
      trouble(error instanceof TypeError ? text("state.away") : error.message);
    }
    byId("story").dataset.shown = String(mine);
    return undefined;
  };

  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.currentTarget.elements;
    ask({ number: form.number.value, days: Number(form.days.value) }, true);
  });
  byId("more").addEventListener("click", () => asked && ask(asked, false));
  byId("ask").querySelector("fieldset").disabled = false;
})();
