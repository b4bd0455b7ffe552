// Orders of people: a button opens the dialog in which one is signed, who and why, which stay in the audit. Refused, it stays open and says why.
import { byId, reason, text } from "./page.js";

let act = null; // what the open dialog does with its signature; throws what is wrong, may return what to do once it is closed
let refuse = reason; // what is said of what it throws, "" = nothing
let name = ""; // whoever gave the last order gives the next one too, as a rule

export const button = (title, pressed) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain";
  made.textContent = title;
  made.addEventListener("click", pressed);
  return made;
};

export const paragraph = (words) => {
  const made = document.createElement("p");
  made.append(words);
  return made;
};

// `shown`: what one should know before he signs, a line each. `button`: what it says. `refused`: as `reason` of page.js.
export const sign = (title, does, { shown = [], button: words = text("desk.do"), refused = reason } = {}) => {
  act = does;
  refuse = refused;
  byId("h-act").textContent = title;
  byId("refused").hidden = true;
  byId("shown").hidden = !shown.length;
  byId("shown").replaceChildren(...shown.map(paragraph));
  byId("do").textContent = words;
  const form = byId("order").elements;
  form.who.value = name;
  form.why.value = "";
  byId("act").showModal();
};

byId("leave").addEventListener("click", () => byId("act").close());
byId("order").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget.elements;
  name = form.who.value;
  byId("do").disabled = true;
  try {
    const then = await act({ who: form.who.value, why: form.why.value });
    byId("act").close();
    then?.();
  } catch (error) {
    const words = refuse(error);
    byId("refused").hidden = !words;
    byId("refused").textContent = words;
  }
  byId("do").disabled = false;
});
