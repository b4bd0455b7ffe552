// Fills the live page from /events. Everything that came from a log is set as text, never as markup.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const language = document.documentElement.lang;
  const texts = JSON.parse(byId("live").dataset.texts);
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const percent = new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const stamp = new Intl.DateTimeFormat(language, {
    month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
  const hour = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const MOST_BARS = 14;
  const MOST_EVENTS = 30;
  const POINTS = 600;

  const text = (key, values = {}) =>
    (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const put = (node, value) => {
    if (node.textContent !== value) node.textContent = value;
  };
  const ratio = (value) => (value === null ? "–" : percent.format(value));
  const octets = (n) => {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    for (; n >= 1000 && unit < units.length - 1; unit += 1) n /= 1000;
    return `${n.toLocaleString(language, { maximumFractionDigits: unit ? 1 : 0 })} ${units[unit]}`;
  };
  const make = (name, className = "") => {
    const node = document.createElement(name);
    if (className) node.className = className;
    return node;
  };

  // Rows are kept and their texts changed in place: nothing flickers, a selection survives, assistive technology keeps its place.
  const fill = (body, items, build, update, columns) => {
    const wanted = Math.max(items.length, 1);
    const empty = items.length === 0;
    if (body.dataset.empty !== String(empty)) body.replaceChildren();
    body.dataset.empty = String(empty);
    while (body.rows.length > wanted) body.deleteRow(-1);
    if (empty) {
      if (!body.rows.length) {
        const cell = body.insertRow().insertCell();
        cell.colSpan = columns;
        cell.className = "quiet";
        cell.textContent = text("table.none");
      }
      return;
    }
    while (body.rows.length < wanted) build(body.insertRow());
    items.forEach((item, index) => update(body.rows[index], item));
  };

  const cells = (...classes) => (row) => {
    classes.forEach((name, index) => {
      const cell = make(index ? "td" : "th", name);
      if (!index) cell.scope = "row";
      row.append(cell);
    });
  };
  const set = (row, ...values) => values.forEach((value, index) => put(row.cells[index], value));

  const bars = (body, shares, name) => {
    const shown = shares.slice(0, MOST_BARS);
    const rest = shares.slice(MOST_BARS);
    if (rest.length) {
      shown.push({
        name: null,
        n: rest.reduce((sum, share) => sum + share.n, 0),
        share: rest.reduce((sum, share) => sum + share.share, 0),
        more: rest.length,
      });
    }
    const largest = Math.max(...shown.map((share) => share.share), 0.0001);
    fill(
      body,
      shown,
      (row) => {
        const head = make("th");
        head.scope = "row";
        head.append(make("span", "name"), make("code"), make("i", "bar"));
        row.append(head, make("td", "n"), make("td", "n share"));
      },
      (row, share) => {
        const [label, code, bar] = row.cells[0].children;
        const [words, mark] = share.name === null ? [text("table.more", { n: whole.format(share.more) }), ""] : name(share.name);
        put(label, words);
        put(code, mark);
        bar.style.width = `${(100 * share.share) / largest}%`;
        put(row.cells[1], whole.format(share.n));
        put(row.cells[2], percent.format(share.share));
      },
      3,
    );
  };

  const cause = (code) => (texts[`cause.${code}`] ? [texts[`cause.${code}`], code] : [code, ""]);

  // ------------------------------------------------------------------------------------------------------------ the chart

  const pace = { data: [[], [], []], chart: null };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const draw = () => {
    const box = byId("pace");
    if (!box.clientWidth) return;
    const axis = (scale, label, side, extra = {}) => ({
      scale, side, stroke: colour(`--${scale}`), font: "12px system-ui", size: 54,
      grid: { show: side === 3, stroke: colour("--line"), width: 1 }, ticks: { show: false },
      values: (_, ticks) => ticks.map((tick) => whole.format(tick)), ...extra,
    });
    const series = (scale, label) => ({
      scale, label, stroke: colour(`--${scale}`), width: 2, points: { show: false },
      value: (chart, value, index, at) => read(at === null ? chart.data[index].at(-1) : value, whole.format),
    });
    const read = (value, format) => (value === null || value === undefined ? "–" : format(value));
    const top = (_, low, high) => [0, Math.max(high * 1.15, 1)];
    pace.chart?.destroy();
    pace.chart = new uPlot(
      {
        width: box.clientWidth,
        height: 190,
        padding: [8, 0, 0, 0],
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { lines: { range: top }, deliveries: { range: top } },
        series: [
          {
            label: text("pace.time"),
            value: (chart, value, _, at) => read(at === null ? chart.data[0].at(-1) : value, (time) => clock.format(time * 1000)),
          },
          series("lines", text("pace.lines")),
          series("deliveries", text("pace.deliveries")),
        ],
        axes: [
          {
            stroke: colour("--quiet"), font: "12px system-ui", grid: { show: false }, ticks: { show: false }, size: 30, space: 90,
            values: (_, ticks) => ticks.map((tick) => clock.format(tick * 1000)),
          },
          axis("lines", text("pace.lines"), 3),
          axis("deliveries", text("pace.deliveries"), 1),
        ],
      },
      pace.data,
      box,
    );
  };

  const point = (at, lines, deliveries) => {
    if (lines === null || at <= pace.data[0].at(-1)) return; // no rate yet; or in the history already
    [at, lines, deliveries].forEach((value, index) => {
      pace.data[index].push(value);
      if (pace.data[index].length > POINTS) pace.data[index].shift();
    });
  };

  let drawnWidth = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width && width !== drawnWidth) {
      drawnWidth = width;
      draw();
    }
  }).observe(byId("pace"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  // ----------------------------------------------------------------------------------------------------------- the frames

  const state = (name) => {
    byId("state").dataset.state = name;
    put(byId("state"), text(`state.${name}`));
  };

  const trouble = (words) => {
    byId("trouble").hidden = !words;
    put(byId("trouble"), words);
  };

  const tile = (id, value, more) => {
    put(byId(id), value);
    put(byId(`${id}-more`), more);
  };

  const show = (frame) => {
    const now = frame.totals;
    const { delivered, failed, open } = now.outcomes;
    const waiting = (now.outbox.ready ?? 0) + (now.outbox.shadow ?? 0);
    const openShare = now.outcomes.open_share === null ? "" : text("tile.open_share", { share: ratio(now.outcomes.open_share) });
    const closed = (n) => (now.outcomes.ratio === null ? "" : text("tile.of_closed", { share: ratio(n / (delivered + failed)) }));
    tile("lines", whole.format(now.lines), frame.lines_per_second === null ? "" : text("tile.per_second", { n: whole.format(frame.lines_per_second) }));
    tile("delivered", whole.format(delivered), closed(delivered));
    tile("failed", whole.format(failed), closed(failed));
    tile("open", whole.format(open), openShare);
    tile("forwards", whole.format(now.forwards), text("tile.received"));
    tile("serials", whole.format(now.serials), waiting ? text("tile.outbox", { n: whole.format(waiting) }) : text("tile.earned"));
    put(byId("window"), text("causes.window", {
      from: hour.format(new Date(now.window_from)), to: hour.format(new Date(now.window_to)),
    }));

    bars(byId("causes"), now.causes, cause);
    bars(byId("cities"), now.cities, (city) => [city || text("cities.unknown"), ""]);

    const rejects = {};
    for (const row of now.rejected) rejects[row.feed] = (rejects[row.feed] ?? 0) + row.n;
    fill(
      byId("feeds"),
      now.feeds,
      cells("", "state", "", "", "n", "n", "n", "", "", "n", "n", "n"),
      (row, feed) => {
        const why = feed.state === "ok" ? feed.missing : feed.detail;
        const when = (at) => (at ? stamp.format(new Date(at)) : "–");
        set(
          row, feed.name, why ? text("feeds.degraded", { why }) : text("feeds.ok"), feed.dialect, feed.node,
          whole.format(feed.lines), octets(feed.behind), whole.format(rejects[feed.name] ?? 0), when(feed.since), when(feed.mark),
          feed.late === null ? "–" : text("feeds.seconds", { n: feed.late.toLocaleString(language, { maximumFractionDigits: 1 }) }),
          whole.format(feed.gaps), whole.format(feed.orphans),
        );
        row.cells[1].dataset.state = why ? "degraded" : "ok";
      },
      12,
    );
    byId("clocks").hidden = !now.clocks.length;
    put(byId("clocks"), text("feeds.clocks", { apart: now.clocks.join(" · ") }));
    fill(
      byId("nodes"),
      now.nodes,
      cells("", "n", "n", "n", "n"),
      (row, node) => set(
        row, node.name || "–", whole.format(node.outcomes.delivered), whole.format(node.outcomes.failed),
        whole.format(node.outcomes.open), ratio(node.outcomes.ratio),
      ),
      5,
    );
    fill(
      byId("rejects"),
      now.rejected.slice(0, MOST_BARS),
      cells("", "", "n"),
      (row, reject) => set(row, reject.feed, reject.reason, whole.format(reject.n)),
      3,
    );
    state(now.ready ? "live" : "starting");
    trouble(now.ready ? "" : now.reasons.join(" · "));
  };

  const word = (section, name) => texts[`${section}.${name}`] ?? name; // what has no word is told as it stands
  const subjects = { care: "casestate", handset: "events" }; // whose subject is a word of ours

  const STANDS = { campaign: (state) => `life.${state}`, mailing: (state) => `mailings.state_${state}`, draw: (state) => `drawstate.${state}` };

  // Who, what and how sure first, in words; whatever else an event carries follows by name.
  const summary = (event) => {
    if (event.topic === "care") {
      const { subject, causes, event: step, reason } = event.data;
      return [subject, ...causes.map((code) => cause(code)[0]), word("caseevent", step), word("casereason", reason)].filter(Boolean).join(" · ");
    }
    if (event.topic.startsWith("forward")) {
      const { sender, receiver, city, generation, method, total } = event.data;
      const told = [`${sender} → ${receiver}`, city, text("events.generation", { n: generation }), word("method", method)];
      return [...told, text("events.total", { n: whole.format(total) })].filter(Boolean).join(" · ");
    }
    if (event.topic === "node") {
      const { kind, from, to, answers, faults, withdrawn } = event.data;
      const hours = `${clock.format(from / 1000)} – ${clock.format(to / 1000)}`;
      const told = [texts[`nodefault.${kind}`] ?? cause(kind)[0], text("events.faults", { n: whole.format(faults), of: whole.format(answers) }), hours];
      return [...told, ...(withdrawn ? [texts["events.withdrawn"]] : [])].join(" · ");
    }
    const { sender, receiver, subject, cause: code, confidence, cleared, urgency, withdrawn, n, of, state: stands, ...rest } = event.data;
    const words = [];
    if (sender && receiver) words.push(`${sender} → ${receiver}`);
    if (subject) words.push(subject);
    if (code && code !== event.subject) words.push(cause(code)[0]);
    if (typeof confidence === "number") words.push(text("events.confidence", { n: percent.format(confidence) }));
    if (n !== undefined && of !== undefined) words.push(text("events.looked", { n: whole.format(n), of: whole.format(of) }));
    if (urgency === "low") words.push(text("events.low"));
    if (cleared) words.push(text("events.cleared"));
    if (withdrawn) words.push(text("events.withdrawn"));
    if (stands) words.push(texts[STANDS[event.topic]?.(stands)] ?? stands);
    for (const [key, value] of Object.entries(rest)) {
      if (value === event.subject || value === "" || value === null || value === false) continue;
      words.push(`${word("field", key)} ${typeof value === "object" ? JSON.stringify(value) : value}`);
    }
    return words.join(" · ");
  };

  const news = (event) => {
    const item = make("li");
    const time = make("time");
    time.dateTime = event.at;
    time.textContent = stamp.format(new Date(event.at));
    const topic = make("span", "topic");
    topic.textContent = word("events", event.topic);
    const subject = make("b");
    subject.textContent = event.topic in subjects ? word(subjects[event.topic], event.subject) : cause(event.subject)[0];
    const data = make("span", "quiet");
    data.textContent = summary(event);
    item.append(time, topic, subject, data);
    byId("events").prepend(item);
    while (byId("events").children.length > MOST_EVENTS) byId("events").lastChild.remove();
  };

  const source = new EventSource("/events");
  const on = (name, act) => source.addEventListener(name, (message) => act(JSON.parse(message.data)));
  on("history", (points) => {
    pace.data.forEach((column) => column.splice(0));
    points.forEach((row) => point(...row));
    pace.chart?.setData(pace.data);
  });
  on("totals", (frame) => {
    point(Date.parse(frame.at) / 1000, frame.lines_per_second, frame.deliveries_per_minute);
    pace.chart?.setData(pace.data);
    show(frame);
  });
  on("event", news);
  on("trouble", () => trouble(text("state.away")));
  source.onerror = () => {
    const out = source.readyState === EventSource.CLOSED;
    state(out ? "out" : "lost");
    if (out) fetch("/api/v1/health").then((answer) => answer.status === 401 && location.assign("/login"));
  };
})();
