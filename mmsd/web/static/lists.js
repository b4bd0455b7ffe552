// A list from a file: read here, looked at as a whole, and only then taken in, part by part. What breaks off goes on where it stood.
import { ask, byId, fill, reason, text, whole } from "./page.js";

const PART = 400; // lines of one request …
const PART_OCTETS = 12_000; // … and octets: a body may have 16 KiB
const MOST_FAULTS = 20;
const AGAIN = 1_000; // milliseconds, when more was asked in a second than is allowed
const COLUMNS = ["", "number", "group", "city"];

const encoder = new TextEncoder();

// Lines of a file in UTF-8, in UTF-16, or in the encoding that spreadsheets save here.
const linesOf = async (file) => {
  const octets = new Uint8Array(await file.arrayBuffer());
  if (octets[0] === 0x50 && octets[1] === 0x4b) throw new Error(text("mailings.workbook"));
  let said;
  if (octets[0] === 0xff && octets[1] === 0xfe) said = new TextDecoder("utf-16le").decode(octets);
  else {
    try {
      said = new TextDecoder("utf-8", { fatal: true }).decode(octets);
    } catch {
      said = new TextDecoder("gb18030").decode(octets);
    }
  }
  const found = said.split(/\r\n|\r|\n/);
  while (found.length && !found.at(-1).trim()) found.pop();
  if (!found.length) throw new Error(text("mailings.empty"));
  return found;
};

const partsOf = (lines) => {
  const parts = [];
  let begin = 0;
  let octets = 0;
  lines.forEach((line, place) => {
    const size = encoder.encode(JSON.stringify(`${line}\n`)).length;
    if (place > begin && (place - begin === PART || octets + size > PART_OCTETS)) {
      parts.push([begin, place]);
      begin = place;
      octets = 0;
    }
    octets += size;
  });
  return [...parts, [begin, lines.length]].map(([from, to], part) => ({ part, line: from + 1, text: lines.slice(from, to).join("\n"), to }));
};

const patient = async (address, body) => {
  for (;;) {
    try {
      return await ask(address, body);
    } catch (error) {
      if (error.told?.error !== "too_many_requests") throw error;
      await new Promise((go) => setTimeout(go, AGAIN));
    }
  }
};

// ------------------------------------------------------------------------------------------------------- page

let looked = null; // { lines, parts, name, who, done, members } of the file that was looked at
let taken = null; // whom to tell when a list was taken in

const progress = (key, done, of) => {
  byId("progress").hidden = !key;
  if (!key) return;
  const bar = byId("progress").querySelector("progress");
  [bar.max, bar.value] = [of, done];
  byId("progress").querySelector("span").textContent = text(key, { done: whole.format(done), of: whole.format(of) });
};
const say = (id, words) => {
  byId(id).hidden = !words;
  byId(id).textContent = words;
};
const disabled = (so) => {
  byId("upload").querySelector("fieldset").disabled = so;
  byId("take").disabled = so;
};

// What stands at a place of the file; of a number only its ends.
const reads = (lines, { line, column }) => {
  const field = lines[line - 1].split(/[,;\t，]/)[column - 1] ?? "";
  return field.trim().slice(0, 80).replace(/\d{7,}/g, (digits) => `${digits.slice(0, 3)}****${digits.slice(-2)}`) || "–";
};
const fault = (lines) => (row) => [
  whole.format(row.line), text(`mailings.column_${COLUMNS[row.column] ?? "more"}`, { n: row.column }), reads(lines, row),
  text(`mailings.fault_${row.reason}`),
];

const base = () => `/api/v1/campaigns/${encodeURIComponent(byId("choice").elements.campaign.value)}/lists/`;

const showFaults = (lines, count, faults) => {
  byId("s-faults").hidden = !count;
  fill("line-faults", faults.map(fault(lines)), ["", "", "", ""]);
  say("more-faults", count > faults.length ? text("mailings.and_more", { n: whole.format(count - faults.length) }) : "");
};

const look = async () => {
  const form = byId("upload").elements;
  const lines = await linesOf(form.file.files[0]);
  const parts = partsOf(lines);
  const [name, who] = [form.name.value.trim(), form.who.value];
  const address = `${base()}${encodeURIComponent(name)}`;
  const faults = [];
  let [members, bad] = [0, 0];
  for (const { to, ...part } of parts) {
    progress("mailings.looking", part.line - 1, lines.length);
    const told = await patient(`${address}/check`, { who, ...part });
    members += told.members;
    bad += told.faults;
    faults.push(...told.first_faults.slice(0, MOST_FAULTS - faults.length));
  }
  looked = { lines, parts, name, who, address, done: 0 };
  const key = members ? (bad ? "mailings.looked_faults" : "mailings.looked") : "mailings.looked_none";
  byId("looked").textContent = text(key, { n: whole.format(members), faults: whole.format(bad) });
  showFaults(lines, bad, faults);
  byId("take").hidden = !members;
  byId("take").textContent = text("mailings.take", { n: whole.format(members) });
  byId("s-looked").hidden = false;
};

const take = async () => {
  const { lines, parts, name, who, address } = looked;
  let told = null;
  try {
    for (; looked.done < parts.length; looked.done += 1) {
      const { to, ...part } = parts[looked.done];
      progress("mailings.taking", part.line - 1, lines.length);
      told = await patient(address, { who, ...part });
    }
  } catch (error) {
    byId("take").textContent = text("mailings.go_on");
    const before = looked.done ? parts[looked.done - 1].to : 0;
    throw new Error(text("mailings.broke", { done: whole.format(before), of: whole.format(lines.length), why: reason(error) }));
  }
  byId("s-looked").hidden = true;
  const values = { list: name, n: whole.format(told.members), faults: whole.format(told.faults) };
  say("took", text(told.faults ? "mailings.took_faults" : "mailings.took", values));
  byId("upload").reset();
  looked = null;
  await taken(name);
};

const doing = async (act) => {
  say("upload-trouble", "");
  say("took", "");
  disabled(true);
  try {
    await act();
  } catch (error) {
    say("upload-trouble", reason(error));
  }
  progress("");
  disabled(false);
};

// `exists(name)`: whether there is such a list; `done(name)` is told of a new one. Returns whether a file is on its way.
export const uploads = (exists, done) => {
  taken = done;
  byId("upload").addEventListener("submit", (event) => {
    event.preventDefault();
    byId("s-looked").hidden = true;
    doing(async () => {
      if (exists(byId("upload").elements.name.value.trim())) throw new Error(text("mailings.exists"));
      await look();
    });
  });
  byId("upload").addEventListener("input", () => {
    byId("s-looked").hidden = true; // it is another file, or another list
  });
  byId("take").addEventListener("click", () => doing(take));
  return () => !byId("progress").hidden;
};
