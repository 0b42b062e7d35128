// The graph: drawn by the server, here it is panned, zoomed, walked through by keys and searched.
"use strict";
(() => {
  const chart = document.querySelector("[data-graph]");
  const svg = chart?.querySelector("svg.graph");
  if (!svg) return;
  const canvas = chart.querySelector(".canvas"), drawer = chart.querySelector(".drawer");
  const sheet = canvas.querySelector(".sheet");
  const width = Number(svg.getAttribute("width")), height = Number(svg.getAttribute("height"));
  const boxes = [...svg.querySelectorAll(".nodes > a")].map((link, number) => {
    const [x, y] = link.getAttribute("transform").match(/-?[\d.]+/g).map(Number);
    const across = Number(link.querySelector("rect").getAttribute("width"));
    return { link, number, x, y, width: across, height: 32, left: x, right: x + across, top: y, bottom: y + 36, seen: true,
      out: [], into: [], text: "" };
  });
  const numbers = new Map(boxes.map((box) => [box.link, box]));
  const lines = [...svg.querySelectorAll(".edges > path")].map((path) => {
    const [start, end] = path.dataset.e.split(" ").map((each) => boxes[each]);
    // A line may go round what is between its ends, but seldom far.
    const line = { path, start, end, seen: true, left: Math.min(start.left, end.left), right: Math.max(start.right, end.right),
      top: Math.min(start.top, end.top), bottom: Math.max(start.bottom, end.bottom) };
    start.out.push(line);
    end.into.push(line);
    return line;
  });

  // Where one looks: what is drawn at x of the drawing is seen at view.x + view.k * x.
  const FARTHEST = 0.02, NEAREST = 2.5, READABLE = 0.4, VISIBLE = 0.06, MARGIN = 24;
  const view = { x: 0, y: 0, k: 1 };
  // The drawing has the size of `drawn`; while one zooms its picture is stretched, afterwards it is drawn anew.
  let drawn = 1, touched = false, pending = 0, settling = 0;
  const size = () => ({ wide: canvas.clientWidth, high: canvas.clientHeight });
  function show() {
    pending ||= requestAnimationFrame(() => {
      pending = 0;
      move();
      if (culling) cull();
      if (view.k !== drawn) {
        clearTimeout(settling);
        settling = setTimeout(settle, 120);
      }
    });
  }
  function move() {
    sheet.style.transform = `translate(${Math.round(view.x)}px, ${Math.round(view.y)}px) scale(${view.k / drawn})`;
  }
  function settle() {
    drawn = view.k;
    svg.setAttribute("width", width * drawn);
    svg.setAttribute("height", height * drawn);
    svg.classList.toggle("far", drawn < READABLE);
    svg.classList.toggle("farthest", drawn < VISIBLE);
    move();
    if (culling) cull();
  }
  function zoom(factor, x = size().wide / 2, y = size().high / 2) {
    const k = Math.min(NEAREST, Math.max(FARTHEST, view.k * factor));
    view.x = x - ((x - view.x) * k) / view.k;
    view.y = y - ((y - view.y) * k) / view.k;
    view.k = k;
    touched = true;
    show();
  }
  const fitting = () => Math.min(1, (size().wide - 2 * MARGIN) / width, (size().high - 2 * MARGIN) / height);
  function fit() {
    const { wide, high } = size();
    view.k = Math.max(FARTHEST, fitting());
    view.x = (wide - width * view.k) / 2;
    view.y = (high - height * view.k) / 2;
    settle();
  }
  // At first all is in sight, unless that could not be read.
  function begin() {
    fit();
    if (view.k >= READABLE) return;
    view.k = 0.75;
    view.x = MARGIN;
    view.y = (size().high - height * view.k) / 2;
    settle();
  }
  function bring(box, middle = false) {
    const { wide, high } = size();
    const right = wide - (drawer.hidden || wide < 720 ? 0 : drawer.offsetWidth);
    const [x, y] = [view.x + box.x * view.k, view.y + box.y * view.k];
    const [across, down] = [box.width * view.k, box.height * view.k];
    if (middle || x < MARGIN || x + across > right - MARGIN) {
      view.x += middle || across > right ? (right - across) / 2 - x : x < MARGIN ? MARGIN - x : right - MARGIN - across - x;
    }
    if (middle || y < MARGIN || y + down > high - MARGIN) {
      view.y += middle ? (high - down) / 2 - y : y < MARGIN ? MARGIN - y : high - MARGIN - down - y;
    }
    touched = true;
    show();
  }

  // Of large drawings only what is in sight, and as much around it, is there: all else would be painted, too.
  const culling = boxes.length > 600;
  let kept = null;
  function cull() {
    const { wide, high } = size();
    const left = -view.x / view.k, top = -view.y / view.k, right = left + wide / view.k, bottom = top + high / view.k;
    if (kept && left >= kept.left && right <= kept.right && top >= kept.top && bottom <= kept.bottom && view.k < 2 * kept.k) return;
    const aside = (right - left) / 2, above = (bottom - top) / 2;
    kept = { k: view.k, left: left - aside, right: right + aside, top: top - above, bottom: bottom + above };
    const there = (each, element) => {
      const seen = each.right > kept.left && each.left < kept.right && each.bottom > kept.top && each.top < kept.bottom;
      if (seen !== each.seen) element.style.display = seen ? "" : "none";
      each.seen = seen;
    };
    for (const box of boxes) there(box, box.link);
    for (const line of lines) there(line, line.path);
  }

  // Pointers: one drags, two pinch, the wheel zooms
  const held = new Map();
  let dragged = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    dragged = held.size > 1;
  });
  window.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const [across, down] = [event.clientX - before.x, event.clientY - before.y];
    if (!dragged && Math.hypot(across, down) < 4) return;
    if (!dragged) canvas.setPointerCapture(event.pointerId);
    dragged = touched = true;
    canvas.classList.add("held");
    if (held.size === 2) {
      const [other] = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const edge = canvas.getBoundingClientRect();
      const length = (at) => Math.max(1, Math.hypot(at.x - other.x, at.y - other.y));
      const now = { x: event.clientX, y: event.clientY };
      zoom(length(now) / length(before), (now.x + other.x) / 2 - edge.left, (now.y + other.y) / 2 - edge.top);
    }
    view.x += across / held.size;
    view.y += down / held.size;
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    show();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, (event) => {
      held.delete(event.pointerId);
      if (!held.size) canvas.classList.remove("held");
    });
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const edge = canvas.getBoundingClientRect();
    const step = event.deltaY * (event.deltaMode === 1 ? 16 : 1) * (event.ctrlKey ? 4 : 1);
    zoom(Math.exp(-step / 500), event.clientX - edge.left, event.clientY - edge.top);
  }, { passive: false });
  canvas.addEventListener("dragstart", (event) => event.preventDefault());
  canvas.addEventListener("click", (event) => {
    if (dragged) {
      event.preventDefault();
      event.stopPropagation();
      dragged = false;
      return;
    }
    const box = numbers.get(event.target.closest("a"));
    if (!box) return close();
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button || !box.link.dataset.key) return;
    if (!chart.dataset.drawer) return;
    event.preventDefault();
    open(box);
  }, true);
  chart.querySelector(".zoom").addEventListener("click", (event) => press(event.target.dataset.zoom));
  function press(key) {
    if (key === "+") zoom(1.3);
    else if (key === "-") zoom(1 / 1.3);
    else if (key === "0") fit();
  }

  // Keys: one box at a time can be come to by Tab, the others by arrows
  let current = boxes[0];
  for (const box of boxes) box.link.setAttribute("tabindex", box === current ? "0" : "-1");
  function come(box) {
    current.link.setAttribute("tabindex", "-1");
    current = box;
    box.link.setAttribute("tabindex", "0");
    bring(box);
    box.link.focus({ preventScroll: true });
  }
  const nearest = (found, far) => found.reduce((best, each) => (!best || far(each) < far(best) ? each : best), null);
  function step(key) {
    const aside = (each) => Math.abs(each.y - current.y);
    if (key === "ArrowRight") return nearest(current.out.map((line) => line.end), aside);
    if (key === "ArrowLeft") return nearest(current.into.map((line) => line.start), aside);
    const down = key === "ArrowDown" ? 1 : -1;
    return nearest(boxes.filter((each) => each.x === current.x && down * (each.y - current.y) > 0), aside);
  }
  canvas.addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow") || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const found = step(event.key);
    if (found) come(found);
  });
  canvas.addEventListener("focusin", (event) => {
    canvas.scrollTo(0, 0);
    const box = numbers.get(event.target.closest("a"));
    if (!box) return;
    if (box !== current) come(box);
    else if (box.link.matches(":focus-visible")) bring(box);
    light(box);
  });
  let lit = [];
  function light(box) {
    for (const line of lit) line.path.classList.remove("lit");
    lit = box ? [...box.out, ...box.into] : [];
    for (const line of lit) line.path.classList.add("lit");
  }
  canvas.addEventListener("pointerover", (event) => {
    if (held.size) return;
    light(numbers.get(event.target.closest("a")) ?? chosen ?? null);
  });

  // The drawer
  let chosen = null, asked = 0;
  async function open(box) {
    const turn = ++asked;
    choose(box);
    const address = new URL(chart.dataset.drawer, location.href);
    address.searchParams.set("node", box.link.dataset.key);
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(`the server says ${answer.status}`);
      const told = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (turn !== asked) return;
      drawer.replaceChildren(...told.body.children);
      drawer.hidden = false;
      drawer.scrollTop = 0;
      bring(box);
      history.replaceState(null, "", `#${encodeURIComponent(box.link.dataset.key)}`);
    } catch (error) {
      window.sqlpipe?.tell(`It cannot be shown: ${error.message}.`, "bad");
    }
  }
  function choose(box) {
    chosen?.link.classList.remove("chosen");
    chosen = box;
    box?.link.classList.add("chosen");
    light(box);
  }
  function close() {
    if (drawer.hidden) return;
    asked += 1;
    const inside = drawer.contains(document.activeElement), box = chosen;
    drawer.hidden = true;
    choose(null);
    if (inside && box) come(box);
    history.replaceState(null, "", location.pathname + location.search);
  }
  drawer.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) return close();
    const link = event.target.closest("li a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const box = boxes.find((each) => each.link.getAttribute("href") === link.getAttribute("href"));
    if (!box) return;
    event.preventDefault();
    bring(box, true);
    open(box);
  });

  // Finding
  const find = document.querySelector("[data-find]"), input = find.querySelector("input");
  const counted = find.querySelector("[role=status]");
  let hits = [], at = -1;
  function look() {
    const wanted = input.value.trim().toLowerCase();
    hits = [];
    at = -1;
    for (const box of boxes) {
      box.text ||= (box.link.dataset.key ?? box.link.dataset.group).toLowerCase();
      const hit = wanted !== "" && box.text.includes(wanted);
      if (hit) hits.push(box);
      box.link.classList.toggle("hit", hit);
    }
    svg.classList.toggle("seeking", wanted !== "");
    counted.textContent = wanted === "" ? "" : `${hits.length || "nothing"} found`;
  }
  input.addEventListener("input", look);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      look();
      current.link.focus({ preventScroll: true });
    } else if (event.key === "Enter" && hits.length) {
      at = (at + (event.shiftKey ? -1 : 1) + hits.length) % hits.length;
      counted.textContent = `${at + 1} of ${hits.length}`;
      if (view.k < READABLE) zoom(0.9 / view.k);
      bring(hits[at], true);
      current.link.setAttribute("tabindex", "-1");
      current = hits[at];
      current.link.setAttribute("tabindex", "0");
      light(current);
    } else return;
    event.preventDefault();
  });
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && event.target !== input) return close();
    if (event.target.closest?.("input, select, textarea")) return;
    if (event.key === "/") {
      input.focus();
      input.select();
    } else if ("+=-0".includes(event.key)) press(event.key === "=" ? "+" : event.key);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // Now it is more than a picture
  chart.classList.add("live");
  const room = canvas.clientHeight;
  const wanted = Math.min(1, (canvas.clientWidth - 2 * MARGIN) / width) * height + 2 * MARGIN;
  if (wanted < room) canvas.style.height = `${Math.min(room, Math.max(canvas.clientWidth < 720 ? 360 : 520, wanted))}px`;
  for (const each of [find, chart.querySelector(".zoom"), document.querySelector("[data-keys]")]) each.hidden = false;
  new ResizeObserver(() => (touched ? show() : begin())).observe(canvas);
  begin();
  const named = decodeURIComponent(location.hash.slice(1));
  const first = named && boxes.find((each) => each.link.dataset.key === named);
  if (first) {
    bring(first, true);
    if (chart.dataset.drawer) open(first);
    else choose(first);
  }
})();
