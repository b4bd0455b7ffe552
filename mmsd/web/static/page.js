// What the scripts of the pages share. Everything that came from a log is set as text, never as markup.

export const byId = (id) => document.getElementById(id);
export const language = document.documentElement.lang;
const texts = JSON.parse(document.querySelector("main[data-texts]").dataset.texts);

export const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
export const tenth = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const stamp = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });

export const text = (key, values = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
export const word = (section, name) => texts[`${section}.${name}`] ?? name; // what has no word is told as it stands
export const known = (key) => key in texts;
export const time = (iso) => (iso ? stamp.format(new Date(iso)) : "–");
export const share = (value, digits = 1) =>
  value === null || value === undefined ? "–"
    : value.toLocaleString(language, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
export const seconds = (value) => {
  if (value === null) return "–";
  if (value < 120) return `${tenth.format(value)} s`;
  return value < 7200 ? `${tenth.format(value / 60)} min` : `${tenth.format(value / 3600)} h`;
};

export const trouble = (words) => {
  byId("trouble").hidden = !words;
  byId("trouble").textContent = words;
};
export const reason = (error) => (error instanceof TypeError ? text("state.away") : error.message);

// A cell holds a text, a node, or a list of them: one line each.
export const cell = (content, kind = "td") => {
  const made = document.createElement(kind);
  for (const part of [content].flat()) {
    const line = document.createElement("div");
    line.append(part);
    made.append(line);
  }
  return made;
};

// Rows of a table; `classes` by column ("n": a number). The first cell names its row. `empty`: what stands there when there is none.
export const fill = (id, rows, classes, empty = "table.none") => {
  byId(id).replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...row.map((content, index) => {
      const made = cell(content, index ? "td" : "th");
      if (!index) made.scope = "row";
      if (classes[index]) made.className = classes[index];
      return made;
    }));
    return line;
  }));
  if (rows.length) return;
  const none = byId(id).insertRow().insertCell();
  none.colSpan = classes.length;
  none.className = "quiet";
  none.textContent = text(empty);
};

// Asks the API; a session that ended goes back to the door. Throws what the API says is wrong and what to do.
export const ask = async (address, body, headers = {}) => {
  const question = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body),
  };
  const answer = await fetch(address, { cache: "no-store", ...question });
  if (answer.status === 401) {
    location.assign(`/login?lang=${language}`);
    return new Promise(() => {});
  }
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(`${told.detail}. ${told.remedy}`), { told });
  return told;
};

// The lines behind a verdict, folded away: when, what, and where in the logs; with the delay after the one before.
export const lines = (evidence) => {
  if (!evidence.length) return "–";
  const made = document.createElement("details");
  const title = document.createElement("summary");
  title.textContent = text("story.lines", { n: whole.format(evidence.length) });
  const list = document.createElement("ol");
  let before = 0;
  for (const line of evidence) {
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
