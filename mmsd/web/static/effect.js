// Rows of what a group sending was good for: those who were sent it beside those who were drawn to do without.
import { share, text, whole } from "./page.js";

const side = (arm) => (arm.share === null ? "–" : [share(arm.share), `${whole.format(arm.n)} / ${whole.format(arm.of)}`]);
const points = (value) => (value === null ? "–" : `${value < 0 ? "−" : "+"}${share(Math.abs(value))}`);

export const CLASSES = ["", "n", "n", "n", "n", ""];
export const compared = (row) => [
  row.of === "group" ? row.group || text("campaigns.no_group") : text(`campaigns.${row.of === "all" ? "everybody" : "silent"}`),
  side(row.sent), side(row.control), points(row.lift), row.low === null ? "–" : `${points(row.low)} … ${points(row.high)}`,
  row.too_few ? text("care.too_few") : text(row.proven ? "care.proven" : "care.chance"),
];
